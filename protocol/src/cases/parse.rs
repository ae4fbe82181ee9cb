//! Reads a cases file (FORMATS: a JSON array of objects).

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Expect, Value, ValueError};

/// Cases in one file: each is a fresh instance of some milliseconds.
pub const CASES_MAX: usize = 10_000;

/// Why a cases file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// Not JSON.
    #[error("the cases are not valid JSON: {0}")]
    Json(#[from] ValueError),
    /// Not an array of objects.
    #[error(
        "the cases must be a JSON array of objects like {{\"entry\": \"add\", \"args\": [2, 3], \"expect\": 5}}"
    )]
    NotArray,
    /// None, so a pass would mean nothing.
    #[error("the file holds no case: add at least one")]
    Empty,
    /// More than [`CASES_MAX`].
    #[error("the file holds {found} cases, more than {CASES_MAX}: split it")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// One case is wrong.
    #[error("case {number}: {why}")]
    Field {
        /// From 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the text of a cases file.
///
/// # Errors
/// [`CaseError`] naming the place and what is wrong.
pub fn read(text: &str) -> Result<Vec<Case>, CaseError> {
    let Value::List(items) = Value::parse(text)? else {
        return Err(CaseError::NotArray);
    };
    if items.is_empty() {
        return Err(CaseError::Empty);
    }
    if items.len() > CASES_MAX {
        return Err(CaseError::TooMany { found: items.len() });
    }
    let mut names = BTreeSet::new();
    let read_one = |(index, item)| {
        let number = index + 1;
        let Value::Map(fields) = item else {
            return Err(CaseError::NotArray);
        };
        let case = case(number, fields).map_err(|why| CaseError::Field { number, why })?;
        if names.insert(case.name.clone()) {
            Ok(case)
        } else {
            let why = format!("its name {:?} is taken by an earlier case", case.name);
            Err(CaseError::Field { number, why })
        }
    };
    items.into_iter().enumerate().map(read_one).collect()
}

fn case(number: usize, mut fields: BTreeMap<String, Value>) -> Result<Case, String> {
    // `"expect": null` means that None is wanted, so its presence counts, not its value.
    let wants_none = fields.get("expect") == Some(&Value::Null);
    let mut take = |name: &str| fields.remove(name).filter(|value| *value != Value::Null);
    let expect = fields_expect(&mut take)?;
    let case = Case {
        name: text(take("name"), "name")?.unwrap_or_else(|| format!("case {number}")),
        entry: text(take("entry"), "entry")?.ok_or("`entry`, the function to call, is missing")?,
        args: match take("args") {
            None => Vec::new(),
            Some(Value::List(args)) => args,
            Some(_) => return Err("`args` must be an array".into()),
        },
        kwargs: match take("kwargs") {
            None => BTreeMap::new(),
            Some(Value::Map(kwargs)) => kwargs,
            Some(_) => return Err("`kwargs` must be an object".into()),
        },
        heldout: match take("heldout") {
            None => false,
            Some(Value::Bool(heldout)) => heldout,
            Some(_) => return Err("`heldout` must be true or false".into()),
        },
        expect: match expect {
            Some(expect) => expect,
            None if wants_none => Expect::Value {
                value: Value::Null,
                approx: None,
            },
            None => return Err("one of `expect` or `raises` is required".into()),
        },
    };
    if case.name.chars().count() > 200 {
        return Err("its name is longer than 200 characters".into());
    }
    let is_name = |text: &str| {
        text.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c == '_' || c.is_alphanumeric())
        })
    };
    if is_name(&case.entry) {
        Ok(case)
    } else {
        Err(format!("`entry` {:?} is no function name", case.entry))
    }
}

fn fields_expect(take: &mut impl FnMut(&str) -> Option<Value>) -> Result<Option<Expect>, String> {
    let approx = match take("approx") {
        None => None,
        Some(Value::Int(digits)) => digits.parse().ok(),
        Some(Value::Float(number)) => Some(number),
        Some(_) => return Err("`approx` must be a number".into()),
    };
    if approx.is_some_and(|relative: f64| !(0.0..=1.0).contains(&relative)) {
        return Err("`approx` must lie between 0 and 1".into());
    }
    match (take("expect"), text(take("raises"), "raises")?) {
        (Some(_), Some(_)) => Err("`expect` and `raises` exclude each other".into()),
        (Some(value), None) => Ok(Some(Expect::Value { value, approx })),
        (None, Some(class)) => Ok(Some(Expect::Raises(class))),
        (None, None) => Ok(None),
    }
}

fn text(value: Option<Value>, field: &str) -> Result<Option<String>, String> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{field}` must be a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cases_file_reads_or_says_what_is_wrong() {
        let cases = read(
            r#"[{"entry": "add", "args": [2, 3], "kwargs": {}, "expect": 5, "approx": 1e-9, "raises": null,
                 "name": "small", "heldout": false, "comment": "ignored"},
                {"entry": "m.f", "expect": null}, {"entry": "g", "raises": "ValueError"}]"#,
        )
        .unwrap();
        assert_eq!(cases[0].name, "small");
        assert_eq!(
            cases[1].expect,
            Expect::Value {
                value: Value::Null,
                approx: None
            }
        );
        assert_eq!(cases[2].name, "case 3");
        for (bad, says) in [
            ("[", "not valid JSON"),
            ("{}", "must be a JSON array"),
            ("[1]", "must be a JSON array"),
            ("[]", "no case"),
            (r#"[{"args": [], "expect": 1}]"#, "case 1: `entry`"),
            (r#"[{"entry": "f"}]"#, "one of `expect` or `raises`"),
            (
                r#"[{"entry": "f", "expect": 1, "raises": "E"}]"#,
                "exclude each other",
            ),
            (
                r#"[{"entry": "f", "args": 3, "expect": 1}]"#,
                "`args` must be an array",
            ),
            (r#"[{"entry": "f()", "expect": 1}]"#, "no function name"),
            (
                r#"[{"entry": "f", "expect": 1, "approx": -1}]"#,
                "between 0 and 1",
            ),
            (
                r#"[{"entry": "f", "expect": 1, "name": "a"}, {"entry": "f", "expect": 1, "name": "a"}]"#,
                "taken",
            ),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}
