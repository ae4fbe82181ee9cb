//! What suites, asserts and cases report, and that code under test cannot talk its way through cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod common;

use common::{cases, sandbox, suite, told};
use edgecoder_protocol::{EvidenceClass, Outcome, Program, execution::SuiteKind};

#[tokio::test(flavor = "multi_thread")]
async fn unittest_reports_each_test() {
    let tests = r#"
import unittest
from solution import f

class Good(unittest.TestCase):
    def test_equal(self): self.assertEqual(f(1), 2)
    def test_unequal(self): self.assertEqual(f(1), 3)
    def test_error(self): f("x")
    def test_parts(self):
        for i in (1, 2):
            with self.subTest(i=i): self.assertEqual(i, 1)
    @unittest.skip("later")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no")
    def test_never(self): pass

def test_plain():
    assert f(1) == 3
"#;
    let report = sandbox()
        .run(suite(SuiteKind::Unittest, "def f(x): return x + 1", tests))
        .await
        .unwrap();
    assert_eq!(report.body.outcome, Outcome::Failed);
    assert_eq!(report.body.evidence, EvidenceClass::Suite);
    assert_eq!(
        told(&report),
        "Broken.setUpClass errored ValueError: no (tests.py, line 21)\n\
         Good.test_equal passed\n\
         Good.test_error errored TypeError: can only concatenate str (not \"int\") to str (solution.py, line 1)\n\
         Good.test_expected passed\n\
         Good.test_parts (i=2) failed 2 != 1\n\
         Good.test_skipped skipped later\n\
         Good.test_unequal failed 2 != 3\n\
         Good.test_unexpected failed it was expected to fail and passed\n\
         test_plain failed an assertion failed (tests.py, line 25)\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn asserts_tell_both_values() {
    let solution = "def f(x):\n    if x is None: raise ValueError('none')\n    return sum(x)\n";
    let tests = "\
from solution import f as g
assert f([1, 2]) == 3
assert f([1]) == 5
assert 4 == f([2])
assert f(None) == 0
assert f([]) is None
assert not f([1])
x = f([3])
assert x == 2, 'unused'
y = f(None)
assert y
";
    let report = sandbox()
        .run(suite(SuiteKind::Asserts, solution, tests))
        .await
        .unwrap();
    assert_eq!(
        told(&report),
        "line 2 passed\n\
         line 3 failed f([1]) returned 1, expected 5\n\
         line 4 failed f([2]) returned 2, expected 4\n\
         line 5 errored f(None) raised ValueError, expected 0\n\
         line 6 failed f([]) returned 0, expected None\n\
         line 7 failed f([1]) returned 1, expected a false value\n\
         line 9 failed x is 3, expected 2\n\
         line 10 errored ValueError: none (solution.py, line 2)\n\
         line 11 errored not reached: line 10 raised ValueError\n"
    );
    let check = "def check(f):\n    assert f([1]) == 1\ncheck(f)\n";
    let report = sandbox()
        .run(suite(SuiteKind::Asserts, solution, check))
        .await
        .unwrap();
    assert_eq!(told(&report), "the file runs passed\n");
    assert_eq!(report.body.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_compared_by_the_host() {
    let solution = r#"
import math
class Liar:
    def __eq__(self, other): return True
    def __repr__(self): return "5"
class Five(int):
    def __eq__(self, other): return True
    def __repr__(self): return "5"
def lie(): return Liar()
def five(): return Five(4)
def add(a, b=1): return a + b
def kinds(): return (1, {3, 1, 2}, (x for x in "ab"), {1: None}, range(2), float("nan"))
def big(): return 10 ** 5000
def endless():
    while True: yield 1
def boom(): raise KeyError("k")
def leave(): raise SystemExit(0)
state = []
def grow():
    state.append(1)
    return len(state)
"#;
    let wanted = format!(
        r#"[
        {{"name": "lie", "entry": "lie", "expect": 5}},
        {{"name": "five", "entry": "five", "expect": 5}},
        {{"name": "add", "entry": "add", "args": [2], "kwargs": {{"b": 3}}, "expect": 5}},
        {{"name": "kinds", "entry": "kinds",
          "expect": [1, [1, 2, 3], ["a", "b"], {{"1": null}}, [0, 1], NaN]}},
        {{"name": "big", "entry": "big", "expect": 1{zeros}}},
        {{"name": "endless", "entry": "endless", "expect": []}},
        {{"name": "raises", "entry": "boom", "raises": "LookupError"}},
        {{"name": "boom", "entry": "boom", "expect": 1}},
        {{"name": "leave", "entry": "leave", "expect": null}},
        {{"name": "fresh 1", "entry": "grow", "expect": 1}},
        {{"name": "fresh 2", "entry": "grow", "expect": 1}},
        {{"name": "absent", "entry": "nothing", "expect": 1}}
    ]"#,
        zeros = "0".repeat(5000)
    );
    let report = sandbox().run(cases(solution, &wanted)).await.unwrap();
    assert_eq!(report.body.evidence, EvidenceClass::Cases);
    assert_eq!(report.body.outcome, Outcome::Failed);
    let early = "the program left early (exit 0): leaving by sys.exit or os._exit never counts as a pass; let it run to its end";
    assert_eq!(
        told(&report),
        format!(
            "lie errored it returned an unsupported type Liar\n\
             five failed five() returned 4, expected 5\n\
             add passed\n\
             kinds passed\n\
             big passed\n\
             endless errored it returned a value larger than 1048576 bytes\n\
             raises passed\n\
             boom errored boom() raised KeyError, expected 1\n\
             leave errored {early}\n\
             fresh 1 passed\n\
             fresh 2 passed\n\
             absent errored it could not be called: AttributeError: module 'solution' has no attribute 'nothing'\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn code_without_the_function_never_passes_for_the_exception_it_should_raise() {
    let sandbox = sandbox();
    let wanted = r#"[{"entry": "f", "args": [1], "raises": "Exception"}]"#;
    for solution in [
        "",
        "def f(:",
        "import absent",
        "raise ValueError",
        "f = 1/0",
    ] {
        let report = sandbox.run(cases(solution, wanted)).await.unwrap();
        assert_eq!(report.body.outcome, Outcome::Failed, "{solution}");
        let said = told(&report);
        assert!(said.contains("could not be called"), "{solution}: {said}");
    }
    let right = "def f(x): raise LookupError";
    let report = sandbox.run(cases(right, wanted)).await.unwrap();
    assert_eq!(report.body.outcome, Outcome::Ok, "{}", report.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_tests_nothing_is_no_pass() {
    for tests in [
        "",
        "'only text'",
        "import solution\ndef test_f():\n    assert False\n",
        "class T:\n    pass\nx = 1\n",
    ] {
        let run = suite(SuiteKind::Asserts, "def f(): return 1", tests);
        let report = sandbox().run(run).await.unwrap();
        assert_eq!(report.body.outcome, Outcome::Failed, "{tests}");
        assert!(
            report.reason.contains("it only defines"),
            "{}",
            report.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solution_named_as_the_interpreter_itself_is_not_judged_in_its_place() {
    let mut run = cases(
        "def normpath(x): return 'mine'",
        r#"[{"entry": "normpath", "args": ["a/../b"], "expect": "b"}]"#,
    );
    let content = run.files.0.values().next().unwrap().clone();
    let name = common::path("posixpath.py");
    run.files.0 = [(name.clone(), content)].into();
    let Program::Cases { solution, .. } = &mut run.program else {
        unreachable!("made as cases above")
    };
    *solution = name;
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.body.outcome, Outcome::Failed);
    assert!(report.reason.contains("rename it"), "{}", report.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_many_cases_stay_small() {
    let many = vec![r#"{"entry": "f", "expect": 1}"#; 40].join(",");
    let run = cases("def f(): return 'a' * 1_000_000", &format!("[{many}]"));
    let report = sandbox().run(run).await.unwrap();
    assert_eq!(report.tests.len(), 40);
    let longest = report.tests.iter().map(|test| test.message.len()).max();
    assert!(longest.unwrap() <= 4_000, "{longest:?}");
    assert!(report.reason.len() < 1_000, "{}", report.reason.len());
}
