//! JSON as Python's `json` writes it: exact integers of any size, and `NaN`, `Infinity`, `-Infinity`.
//!
//! serde_json has neither, and enabling its arbitrary precision would change every other user of it here.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

/// How deep a value may nest: below what would overflow a 2 MiB stack in this reader.
pub const DEPTH_MAX: usize = 128;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `null`, Python's `None`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer, as exact decimal digits with an optional `-` and no leading zeros.
    Int(String),
    /// A number with a fraction or exponent, or one of the three special spellings.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A dictionary; of repeated keys the last counts, as in Python.
    Map(BTreeMap<String, Value>),
}

/// Why a text is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct ValueError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl Value {
    /// Reads one value and nothing after it but white space.
    ///
    /// # Errors
    /// [`ValueError`] with the place and the reason.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0).and_then(|value| {
            reader.skip_space();
            if reader.at == text.len() {
                Ok(value)
            } else {
                Err("expected the end")
            }
        });
        value.map_err(|why| {
            let before = text.get(..reader.at).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            ValueError {
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                why,
            }
        })
    }

    /// The one compact spelling of this value.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &Spelling::JSON);
        out
    }

    /// As Python's `repr` of the converted value.
    pub fn to_python(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &Spelling::PYTHON);
        out
    }

    fn write(&self, out: &mut String, spelling: &Spelling) {
        match self {
            Self::Null => out.push_str(spelling.null),
            Self::Bool(true) => out.push_str(spelling.yes),
            Self::Bool(false) => out.push_str(spelling.no),
            Self::Int(digits) => out.push_str(digits),
            Self::Float(number) => out.push_str(&spell_float(*number)),
            Self::Text(text) => (spelling.text)(text, out),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { spelling.comma });
                    item.write(out, spelling);
                }
                out.push(']');
            }
            Self::Map(items) => {
                out.push('{');
                for (i, (key, item)) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { spelling.comma });
                    (spelling.text)(key, out);
                    out.push_str(spelling.colon);
                    item.write(out, spelling);
                }
                out.push('}');
            }
        }
    }
}

struct Spelling {
    null: &'static str,
    yes: &'static str,
    no: &'static str,
    comma: &'static str,
    colon: &'static str,
    text: fn(&str, &mut String),
}

impl Spelling {
    const JSON: Self = Self {
        null: "null",
        yes: "true",
        no: "false",
        comma: ",",
        colon: ":",
        text: json_text,
    };
    const PYTHON: Self = Self {
        null: "None",
        yes: "True",
        no: "False",
        comma: ", ",
        colon: ": ",
        text: python_text,
    };
}

fn spell_float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned()
    } else {
        // Rust's Debug is the shortest text that reads back, always with a point or exponent.
        format!("{number:?}")
    }
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                // Writing to a String cannot fail.
                write!(out, "\\u{:04x}", c as u32).ok();
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn python_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                // Writing to a String cannot fail.
                write!(out, "\\x{:02x}", c as u32).ok();
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth > DEPTH_MAX {
            return Err("nested deeper than 128 levels");
        }
        self.skip_space();
        match self.rest().bytes().next() {
            None => Err("expected a value, found the end"),
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for (word, value) in [
                    ("null", Value::Null),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("NaN", Value::Float(f64::NAN)),
                    ("Infinity", Value::Float(f64::INFINITY)),
                ] {
                    if self.take(word) {
                        return Ok(value);
                    }
                }
                Err("expected a value")
            }
        }
    }

    fn list(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return Err("expected `,` or `]`");
            }
        }
    }

    fn map(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut items = BTreeMap::new();
        self.skip_space();
        if self.take("}") {
            return Ok(Value::Map(items));
        }
        loop {
            self.skip_space();
            if !self.rest().starts_with('"') {
                return Err("expected a key in double quotes");
            }
            let key = self.string()?;
            self.skip_space();
            if !self.take(":") {
                return Err("expected `:`");
            }
            let value = self.value(depth + 1)?;
            items.insert(key, value);
            self.skip_space();
            if self.take("}") {
                return Ok(Value::Map(items));
            }
            if !self.take(",") {
                return Err("expected `,` or `}`");
            }
        }
    }

    fn number(&mut self) -> Read<Value> {
        if self.take("-Infinity") {
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        let rest = self.rest();
        let len = rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let text = &rest[..len];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        let value = if leading_zero {
            return Err("a number does not begin with 0");
        } else if plain {
            // There is one zero among the integers.
            Value::Int(if digits == "0" {
                "0".to_owned()
            } else {
                text.to_owned()
            })
        } else if digits.starts_with(|c: char| c.is_ascii_digit()) && !text.ends_with('.') {
            Value::Float(text.parse().map_err(|_| "not a number")?)
        } else {
            return Err("not a number");
        };
        self.at += len;
        Ok(value)
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let mut chars = self.rest().chars();
            let Some(c) = chars.next() else {
                return Err("the text has no closing quote");
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                c if (c as u32) < 0x20 => return Err("a control character inside a text"),
                c => {
                    self.at += c.len_utf8();
                    out.push(c);
                }
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let c = self
            .rest()
            .chars()
            .next()
            .ok_or("the text has no closing quote")?;
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.hex4()?;
                let code = if (0xd800..0xdc00).contains(&high) && self.take("\\u") {
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err("half of a surrogate pair");
                    }
                    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    high
                };
                char::from_u32(code).ok_or("half of a surrogate pair")?
            }
            _ => return Err("an escape that JSON does not have"),
        })
    }

    fn hex4(&mut self) -> Read<u32> {
        let digits = self
            .rest()
            .get(..4)
            .ok_or("expected four hexadecimal digits")?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("expected four hexadecimal digits");
        }
        let code =
            u32::from_str_radix(digits, 16).map_err(|_| "expected four hexadecimal digits")?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_and_write_as_in_python() {
        for (text, json) in [
            (
                " [1, 2.50, -0, \"a\\u00e9\\n\"] ",
                "[1,2.5,0,\"aé\\u000a\"]",
            ),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                "[NaN, Infinity, -Infinity, 1e400]",
                "[NaN,Infinity,-Infinity,Infinity]",
            ),
            (
                "{\"b\": null, \"a\": true, \"b\": false}",
                "{\"a\":true,\"b\":false}",
            ),
            ("\"\\ud83d\\ude00\"", "\"😀\""),
            ("1e3", "1000.0"),
        ] {
            assert_eq!(
                Value::parse(text).map(|v| v.to_json()).as_deref(),
                Ok(json),
                "{text}"
            );
        }
        for bad in [
            "",
            "[1,]",
            "01",
            "1.",
            "-",
            "+1",
            "nul",
            "\"a",
            "{a:1}",
            "[1] 2",
            "\"\\ud800\"",
            "\"\t\"",
            "é",
        ] {
            assert!(Value::parse(bad).is_err(), "{bad}");
        }
        assert!(Value::parse(&"[".repeat(100_000)).is_err());
        let error = Value::parse("[1,\n 2,\n é]").unwrap_err();
        assert_eq!((error.line, error.column), (3, 2));
        assert_eq!(
            Value::parse("[null, true, \"it's\", \"q\", 1.0]")
                .unwrap()
                .to_python(),
            "[None, True, \"it's\", 'q', 1.0]"
        );
    }
}
