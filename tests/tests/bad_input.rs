//! Hostile programs: contained and said, and the daemon lives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use support::Home;

/// Runs each program of `table`; it must end with this outcome and a reason or output that says why.
fn contained(flags: &str, table: &[(&str, &str, &str)]) {
    let home = Home::new();
    assert_eq!(home.exec("print(1)", "").code, 0);
    let before = home.status();
    for (source, outcome, says) in table {
        let answer = home.exec_json(source, flags);
        assert_eq!(answer["outcome"], *outcome, "{source}: {answer:#}");
        let told: String = ["reason", "stdout", "stderr"]
            .map(|key| answer[key].as_str().unwrap())
            .concat();
        assert!(told.contains(says), "{source}: no {says:?} in {told:?}");
        if *outcome != "ok" {
            assert!(
                !answer["reason"].as_str().unwrap().is_empty(),
                "{source}: no reason"
            );
        }
        home.still_lives(&before);
    }
}

#[test]
fn endless_and_greedy_programs_end_by_their_limits() {
    contained(
        "--fuel 300000000 --memory 96",
        &[
            ("while True: pass", "out-of-fuel", "fuel"),
            (
                "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
                "out-of-fuel",
                "fuel",
            ),
            (
                "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)",
                "out-of-fuel",
                "fuel",
            ),
            ("9 ** 9 ** 9", "out-of-fuel", "fuel"),
            (
                "x = []\nwhile True: x.append(bytes(1_000_000))",
                "out-of-memory",
                "memory",
            ),
            (
                "x = [[]]\nwhile True: x = [x, x]; y = bytes(1 << 20) * 99",
                "out-of-memory",
                "memory",
            ),
        ],
    );
}

#[test]
fn output_is_cut_and_never_piles_up() {
    let home = Home::new();
    let answer = home.exec_json("while True: print('x' * 10_000)", "--fuel 3000000000");
    assert_eq!(answer["outcome"], "out-of-fuel", "{}", answer["reason"]);
    let limit = answer["receipt"]["body"]["limits"]["output"]
        .as_u64()
        .unwrap();
    let length = answer["stdout"].as_str().unwrap().len() as u64;
    assert!((limit / 2..=limit).contains(&length), "{length} of {limit}");
    let answer = home.exec_json("import sys\nsys.stderr.write('e' * 5_000_000)", "");
    assert!(answer["stderr"].as_str().unwrap().len() as u64 <= limit);
}

#[test]
fn deep_recursion_is_an_error_of_the_program() {
    contained(
        "",
        &[
            (
                "def f(n): return f(n + 1)\nf(0)",
                "failed",
                "RecursionError",
            ),
            (
                "x = []\nfor _ in range(100_000): x = [x]\nrepr(x)",
                "failed",
                "RecursionError",
            ),
            (
                "import json\njson.loads('[' * 100_000)",
                "failed",
                "RecursionError",
            ),
            ("eval('(' * 5000 + ')' * 5000)", "failed", ""),
        ],
    );
}

#[test]
fn leaving_early_is_no_pass() {
    contained(
        "",
        &[
            ("import os\nos._exit(0)", "failed", ""),
            (
                "import os\nprint('half', flush=True)\nos.abort()",
                "failed",
                "half",
            ),
        ],
    );
    let home = Home::new();
    home.write("cases.json", r#"[{"entry": "f", "expect": 1}]"#);
    home.write("asserts.py", "assert f() == 2\n");
    home.write("test_f.py", "import unittest, solution\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(solution.f(), 2)\n");
    for leave in [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "raise SystemExit",
        "exit()",
    ] {
        let inside = format!("def f():\n    {}\n", leave.replace('\n', "\n    "));
        for solution in [inside, format!("{leave}\ndef f():\n    return 2\n")] {
            home.write("solution.py", &solution);
            for tests in [
                "--cases cases.json",
                "--tests asserts.py",
                "--tests test_f.py",
            ] {
                let said = home.run(&format!("test {tests} solution.py"));
                assert_eq!(said.code, 1, "{tests}: {solution}: {said:?}");
            }
        }
    }
}

#[test]
fn time_is_virtual_and_nothing_outside_can_be_reached() {
    contained(
        "",
        &[
            (
                "import time\nt = time.time()\ntime.sleep(3600)\nprint(time.time() - t >= 3600)",
                "ok",
                "True",
            ),
            ("open('/etc/passwd')", "failed", "FileNotFoundError"),
            ("open('../../../../etc/passwd')", "failed", "rror"),
            (
                "import os\nprint(os.listdir('/'), len(os.environ) < 3, os.path.exists('/proc'))",
                "ok",
                "True False",
            ),
            (
                "import socket\nsocket.create_connection(('127.0.0.1', 22))",
                "failed",
                "rror",
            ),
            (
                "import socket\nsocket.socket(socket.AF_INET).connect(('1.1.1.1', 53))",
                "failed",
                "rror",
            ),
            (
                "import subprocess\nsubprocess.run(['true'])",
                "failed",
                "rror",
            ),
            (
                "import os\nos.system('true') or os.fork()",
                "failed",
                "rror",
            ),
            ("import ctypes", "failed", "rror"),
        ],
    );
}

#[test]
fn output_drives_no_terminal() {
    let home = Home::new();
    let said = home.exec("print('a\\x1b[2Jb\\x07\\x9bc')", "");
    assert_eq!(said.code, 0);
    assert!(
        !said.out.contains(['\u{1b}', '\u{7}', '\u{9b}']),
        "{said:?}"
    );
}
