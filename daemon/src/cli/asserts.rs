//! Whether a file of plain asserts would test anything. The guest runs such a file from top to bottom: tests that
//! only stand in functions and classes are never called, and the file would pass without testing.
//!
//! It looks at lines, not at Python's grammar, and refuses only what is plain to see.

/// Whether `text` defines tests in functions or test cases, and neither asserts nor calls anything where it is run.
pub fn tests_nothing(text: &str) -> bool {
    let (mut tests, mut runs) = (false, false);
    let mut block = "";
    for line in text.lines() {
        if !line.starts_with([' ', '\t', '#', ')', ']', '}']) && !line.is_empty() {
            block = line;
        }
        tests |= block.starts_with("def test");
        tests |= block.starts_with("class ") && block.contains("TestCase");
        let defines = [
            "def ",
            "async ",
            "class ",
            "@",
            "import ",
            "from ",
            "if __name__",
        ];
        if !defines.iter().any(|word| block.starts_with(word)) {
            // Whatever is called may call the tests.
            let statement = line.trim_start();
            runs |= statement.contains('(') || statement.starts_with("assert ");
        }
    }
    tests && !runs
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
