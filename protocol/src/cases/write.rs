//! Writes cases back as a cases file.

use std::collections::BTreeMap;

use super::{Case, Expect, Value};

/// The text of a cases file that [`super::read`] reads as `cases`.
pub fn write(cases: &[Case]) -> String {
    let one = |case: &Case| {
        let mut fields = BTreeMap::from([
            ("name".to_owned(), Value::Text(case.name.clone())),
            ("entry".to_owned(), Value::Text(case.entry.clone())),
            ("args".to_owned(), Value::List(case.args.clone())),
            ("kwargs".to_owned(), Value::Map(case.kwargs.clone())),
            ("heldout".to_owned(), Value::Bool(case.heldout)),
        ]);
        match &case.expect {
            Expect::Value { value, approx } => {
                fields.insert("expect".to_owned(), value.clone());
                if let Some(approx) = approx {
                    fields.insert("approx".to_owned(), Value::Float(*approx));
                }
            }
            Expect::Raises(class) => {
                fields.insert("raises".to_owned(), Value::Text(class.clone()));
            }
        }
        Value::Map(fields)
    };
    Value::List(cases.iter().map(one).collect()).to_json()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_written_reads_back_the_same() {
        let text = r#"[{"entry": "f", "args": [1, NaN, "é\n"], "kwargs": {"k": 2.5}, "expect": null},
            {"entry": "g", "expect": [1e-9], "approx": 0.5, "heldout": true}, {"entry": "h", "raises": "E"}]"#;
        let cases = super::super::read(text).unwrap();
        let again = super::super::read(&super::write(&cases)).unwrap();
        // NaN is not itself, so compare what it is hashed as.
        assert_eq!(
            super::super::cases_hash(&cases),
            super::super::cases_hash(&again)
        );
    }
}
