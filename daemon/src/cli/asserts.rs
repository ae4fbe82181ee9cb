//! Whether a file of plain asserts would test anything. The guest runs such a file from top to bottom: tests that
//! only stand in functions and classes are never called, and the file would pass without testing.
//!
//! It looks at lines, not at Python's grammar, and refuses only what is plain to see.

/// Whether `text` defines tests in functions or test cases, and neither asserts nor calls them where it is run.
pub fn tests_nothing(text: &str) -> bool {
    let mut tests = Vec::new();
    let (mut cases, mut runs) = (false, false);
    let mut block = "";
    for line in text.lines() {
        if !line.starts_with([' ', '\t', '#', ')', ']', '}']) && !line.is_empty() {
            block = line;
        }
        if let Some(rest) = block.strip_prefix("def test") {
            tests.push(rest.split('(').next().unwrap_or_default());
        }
        cases |= block.starts_with("class ") && block.contains("TestCase");
        let defines = ["def ", "async ", "class ", "@", "if __name__"];
        if !defines.iter().any(|word| block.starts_with(word)) {
            runs |= is_run(line.trim_start(), &tests);
        }
    }
    (cases || !tests.is_empty()) && !runs
}

/// Whether a statement asserts, or calls one of the tests by name.
fn is_run(statement: &str, tests: &[&str]) -> bool {
    let word = |word: &str| {
        let rest = statement.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let call = statement
        .strip_prefix("test")
        .and_then(|rest| rest.split_once('('));
    word("assert") || call.is_some_and(|(name, _)| tests.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_run_from_the_top_counts() {
        let table = [
            ("def test_f():\n    assert f() == 1\n", true),
            (
                "import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        assert f()\n",
                true,
            ),
            (
                "def test_f():\n    assert f()\nif __name__ == '__main__':\n    test_f()\n",
                true,
            ),
            ("def test_f():\n    assert f()\n\nassertion = 1\n", true),
            (
                "def test_f():\n    assert f()\ntest_g = 1\n@mark\ndef g():\n    assert f()\n",
                true,
            ),
            ("assert f() == 1\n", false),
            ("def test_f():\n    assert f()\ntest_f()\n", false),
            (
                "def test_f(\n    x=1,\n):\n    assert f()\ntest_f()\n",
                false,
            ),
            ("def test_f():\n    pass\nassert(f() == 1)\n", false),
            (
                "def test_f():\n    pass\nfor n in range(3):\n    assert f(n)\n",
                false,
            ),
            ("def check(f):\n    assert f() == 1\n\ncheck(f)\n", false),
            ("print(f())\n", false),
        ];
        for (text, expected) in table {
            assert_eq!(tests_nothing(text), expected, "{text}");
        }
    }
}
