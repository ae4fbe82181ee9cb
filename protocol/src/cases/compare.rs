//! Whether what came back is what a case wants.

use super::{Case, Expect, Value};

/// What a call came to, as the guest reports it.
#[derive(Clone, Debug, PartialEq)]
pub enum Returned {
    /// It returned this.
    Value(Value),
    /// It raised.
    Raised {
        /// The exception's class name.
        class: String,
        /// Names of all its base classes.
        bases: Vec<String>,
        /// Its text.
        message: String,
    },
}

impl Case {
    /// Judges what the call came to.
    ///
    /// # Errors
    /// The sentence that a person, and the model that shall repair, reads: `f(1) returned 2, expected 3`.
    pub fn judge(&self, got: &Returned) -> Result<(), String> {
        let wanted = match &self.expect {
            Expect::Value { value, .. } => format!("expected {}", value.to_python()),
            Expect::Raises(class) => format!("expected {class} to be raised"),
        };
        match (got, &self.expect) {
            (Returned::Value(got), Expect::Value { value, approx })
                if same(got, value, *approx) =>
            {
                Ok(())
            }
            (Returned::Raised { class, bases, .. }, Expect::Raises(wanted))
                if class == wanted || bases.contains(wanted) =>
            {
                Ok(())
            }
            (Returned::Value(got), _) => Err(format!(
                "{} returned {}, {wanted}",
                self.call(),
                got.to_python()
            )),
            (Returned::Raised { class, .. }, _) => {
                Err(format!("{} raised {class}, {wanted}", self.call()))
            }
        }
    }
}

/// Equality by JSON: `bool` is not a number, integers are exact, NaN equals NaN, an integer equals a float of
/// exactly its value (JSON has one kind of number).
fn same(got: &Value, want: &Value, approx: Option<f64>) -> bool {
    match (got, want) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, approx))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((ka, a), (kb, b))| ka == kb && same(a, b, approx))
        }
        (Value::Int(a), Value::Int(b)) if approx.is_none() => a == b,
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            same_number(got, want, approx)
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => false,
    }
}

fn same_number(got: &Value, want: &Value, approx: Option<f64>) -> bool {
    let (Some(a), Some(b)) = (as_float(got), as_float(want)) else {
        return false;
    };
    if let (Value::Int(a), Value::Int(b)) = (got, want)
        && a == b
    {
        return true;
    }
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    // An integer too large for a float becomes infinity, which is neither near it nor near another such one.
    let overflows =
        |value: &Value, float: f64| matches!(value, Value::Int(_)) && float.is_infinite();
    if overflows(got, a) || overflows(want, b) {
        return false;
    }
    match approx {
        Some(_) if a.is_infinite() || b.is_infinite() => a == b,
        Some(relative) => (a - b).abs() <= relative * a.abs().max(b.abs()),
        // 2**53 + 1 as an integer is not the float 2**53: the conversion must be exact.
        None => a == b && exact(got) && exact(want),
    }
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(digits) => digits.parse().ok(),
        Value::Float(number) => Some(*number),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Whether converting to a float loses nothing.
fn exact(value: &Value) -> bool {
    match value {
        Value::Int(digits) => digits
            .parse::<f64>()
            .is_ok_and(|f| format!("{f:.0}") == *digits),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_by_json() {
        let check = |got: &str, want: &str, approx: Option<f64>, equal: bool| {
            let (g, w) = (Value::parse(got).unwrap(), Value::parse(want).unwrap());
            assert_eq!(
                same(&g, &w, approx),
                equal,
                "{got} against {want} within {approx:?}"
            );
        };
        check("1", "true", None, false);
        check("0", "false", None, false);
        check("5", "5.0", None, true);
        check("9007199254740993", "9007199254740992.0", None, false);
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567891",
            None,
            false,
        );
        check("NaN", "NaN", None, true);
        check("NaN", "1.0", Some(1.0), false);
        check("[1, [2, {\"a\": 3}]]", "[1, [2, {\"a\": 3}]]", None, true);
        check("[1, 2]", "[1, 2, 3]", None, false);
        check("{\"a\": 1}", "{\"b\": 1}", None, false);
        check("0.30000000000000004", "0.3", None, false);
        check("[0.30000000000000004]", "[0.3]", Some(1e-9), true);
        check("Infinity", "1e300", Some(1e-9), false);
        check("100", "101", Some(0.01), true);
        check("100", "102", Some(0.01), false);
        check("null", "0", None, false);
        let (huge, huger) = (
            format!("1{}", "0".repeat(400)),
            format!("1{}", "0".repeat(999)),
        );
        check(&huge, &huge, Some(1e-9), true);
        check(&huger, &huge, Some(1e-9), false);
        check("Infinity", &huge, Some(1e-9), false);
        check("Infinity", "Infinity", Some(1e-9), true);
        check("\"1\"", "1", None, false);
    }

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let case = |expect| Case {
            name: "c".into(),
            entry: "f".into(),
            args: vec![Value::List(vec![])],
            kwargs: [("k".to_owned(), Value::Text("x".into()))].into(),
            expect,
            heldout: false,
        };
        let zero = Expect::Value {
            value: Value::Int("0".into()),
            approx: None,
        };
        let raised = Returned::Raised {
            class: "KeyError".into(),
            bases: vec!["LookupError".into(), "Exception".into()],
            message: "no".into(),
        };
        let judge = |expect, got: &Returned| case(expect).judge(got);
        assert_eq!(
            judge(zero.clone(), &Returned::Value(Value::Null)),
            Err("f([], k='x') returned None, expected 0".into())
        );
        assert_eq!(
            judge(zero, &raised),
            Err("f([], k='x') raised KeyError, expected 0".into())
        );
        assert_eq!(judge(Expect::Raises("LookupError".into()), &raised), Ok(()));
        assert_eq!(
            judge(
                Expect::Raises("ValueError".into()),
                &Returned::Value(Value::Bool(true))
            ),
            Err("f([], k='x') returned True, expected ValueError to be raised".into())
        );
    }
}
