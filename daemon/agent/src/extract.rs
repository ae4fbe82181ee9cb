//! Finds the code in a model's answer.

/// The code of `answer`: the last complete fenced block, an unclosed one to its end, or the whole text.
///
/// Code always ends in one line feed, so that the same code has the same hash.
pub fn code_of(answer: &str) -> String {
    let code = last_block(answer).unwrap_or(answer);
    let code = code.trim_end().trim_start_matches(['\n', '\r']);
    if code.is_empty() {
        String::new()
    } else {
        format!("{code}\n")
    }
}

fn last_block(answer: &str) -> Option<&str> {
    let mut found = None;
    let mut rest = answer;
    while let Some(open) = rest.find("```") {
        let after = &rest[open + 3..];
        let body = &after[after.find('\n')? + 1..];
        match body.find("```") {
            Some(close) => {
                found = Some(&body[..close]);
                rest = &body[close + 3..];
            }
            None => return found.or(Some(body)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn code_is_found_however_it_is_wrapped() {
        for (answer, code) in [
            ("def f():\n    pass", "def f():\n    pass\n"),
            ("\n\ndef f():\n    pass\n\n\n", "def f():\n    pass\n"),
            ("Sure:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
            ("```\na\n```\nbetter:\n```py\nb\n```", "b\n"),
            ("```python\nx = 1\ny = 2", "x = 1\ny = 2\n"),
            ("", ""),
            ("```", "```\n"),
        ] {
            assert_eq!(code_of(answer), code, "{answer:?}");
        }
    }
}
