//! Host-compared cases: what to call, what to expect, and whether what came back is that.
//!
//! The guest only ever sees `entry`, `args` and `kwargs`; the comparison is made here, on the host.

mod compare;
mod parse;
mod value;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use compare::Returned;
pub use parse::{CASES_MAX, CaseError, read};
pub use value::{DEPTH_MAX, Value, ValueError};
pub use write::write;

use crate::canonical::Encoder;
use crate::ids::Hash;

/// What a case wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expect {
    /// The call returns this.
    Value {
        /// The wanted value.
        value: Value,
        /// Relative difference allowed between numbers, anywhere inside.
        approx: Option<f64>,
    },
    /// The call raises an exception of this class or one derived from it.
    Raises(String),
}

/// One call and what it must give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Unique in its file; `case N` where the file gives none.
    pub name: String,
    /// The function to call.
    pub entry: String,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Keyword arguments.
    pub kwargs: BTreeMap<String, Value>,
    /// What it must give.
    pub expect: Expect,
    /// Kept from the worker until its result is in.
    pub heldout: bool,
}

impl Case {
    /// The call as a person would write it.
    pub fn call(&self) -> String {
        let args = self.args.iter().map(Value::to_python);
        let kwargs = self
            .kwargs
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_python()));
        let args: Vec<String> = args.chain(kwargs).collect();
        format!("{}({})", self.entry, args.join(", "))
    }
}

/// Hash of what the guest is given: every call with its arguments, in order.
pub fn arguments_hash(cases: &[Case]) -> Hash {
    hash(cases, "edgecoder/arguments/1", false)
}

/// Hash of the cases with their expectations.
pub fn cases_hash(cases: &[Case]) -> Hash {
    hash(cases, "edgecoder/cases/1", true)
}

fn hash(cases: &[Case], domain: &str, whole: bool) -> Hash {
    let mut to = Encoder::default();
    to.text(domain);
    to.list(cases, |to, case| {
        to.text(&case.entry);
        to.list(&case.args, |to, arg| {
            to.text(&arg.to_json());
        });
        let kwargs: Vec<_> = case.kwargs.iter().collect();
        to.list(&kwargs, |to, (name, value)| {
            to.text(name).text(&value.to_json());
        });
        if whole {
            to.text(&case.name).u8(u8::from(case.heldout));
            match &case.expect {
                Expect::Value { value, approx } => {
                    to.u8(0).text(&value.to_json());
                    to.option(approx.as_ref(), |to, approx| {
                        to.u64(approx.to_bits());
                    });
                }
                Expect::Raises(class) => {
                    to.u8(1).text(class);
                }
            }
        }
    });
    Hash::of(&to.finish())
}
