//! What commands print and write: exit codes that survive a lost reader, results that go where they were meant to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::{FileTypeExt, symlink},
    process::Stdio,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use support::{Home, program, said, said_with};

const PROMPT: &str = "Write a function add(a, b) that returns the sum of a and b.";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}]"#;
const ADD: &str = "def add(a, b):\n    return a + b\n";
const WRONG: &str = "def add(a, b):\n    return a - b\n";

fn home() -> Home {
    let home = Home::new();
    home.write("cases.json", CASES);
    home.write("add.py", ADD);
    home.write("wrong.py", WRONG);
    home
}

#[test]
fn an_exit_code_survives_a_reader_that_has_gone() {
    let home = home();
    let judged = |solution: &str, out: Stdio| {
        let mut command = home.command(program("edgecoder"));
        command.args(["test", "--cases", "cases.json", solution]);
        command.stdout(out).stderr(Stdio::null());
        command.status().unwrap().code()
    };
    let closed = || {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    assert_eq!(judged("wrong.py", closed()), Some(1));
    assert_eq!(judged("add.py", closed()), Some(0));
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(judged("wrong.py", full()), Some(70));
    let mut command = home.command(program("edgecoder"));
    command.args(["test", "--cases", "cases.json", "wrong.py"]);
    let ended = command.stdout(full()).stderr(Stdio::piped()).output();
    let err = String::from_utf8(ended.unwrap().stderr).unwrap();
    assert!(err.contains("standard output"), "{err}");
    let mut command = home.command(program("edgecoder"));
    command.args(["exec", "wrong.py"]).stdout(Stdio::null());
    let code = command.stderr(full()).status().unwrap().code();
    assert_eq!(code, Some(0), "nothing of worth was lost");
}

fn is_receipt(text: &str) {
    let receipt: Value = serde_json::from_str(text).unwrap();
    assert_eq!(receipt["schema"], "edgecoder/receipt/1");
}

/// Through links and a pipe of the test's own: a command that replaced what it is given would, run by root,
/// replace the machine's devices.
#[test]
fn what_is_no_regular_file_is_written_through_and_never_replaced() {
    let home = home();
    symlink("/dev/stdout", home.path("stdout")).unwrap();
    let said = home.run("test --cases cases.json --receipt stdout add.py");
    assert_eq!(said.code, 0, "{said:?}");
    let (begin, end) = (said.out.find('{').unwrap(), said.out.rfind('}').unwrap());
    is_receipt(&said.out[begin..=end]);
    // Standard output that is a file is appended to, not replaced under the command.
    let file = fs::File::create(home.path("out.txt")).unwrap();
    let mut command = home.command(program("edgecoder"));
    command.args(["exec", "--receipt", "stdout", "add.py"]);
    assert!(command.stdout(file).status().unwrap().success());
    is_receipt(&fs::read_to_string(home.path("out.txt")).unwrap());
    let pipe = home.path("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    // A receipt is smaller than what a pipe holds (64 KiB), so that one thread can write, then read.
    let read_write = || fs::File::options().read(true).write(true).open(&pipe);
    let mut end = read_write().unwrap();
    let said = home.run("exec --receipt pipe add.py");
    assert_eq!(said.code, 0, "{said:?}");
    let found = fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(found.is_fifo(), "the pipe was replaced");
    let mut bytes = vec![0; 1 << 16];
    let length = end.read(&mut bytes).unwrap();
    is_receipt(std::str::from_utf8(&bytes[..length]).unwrap());
}

#[test]
fn a_link_is_followed_and_a_folder_refused() {
    let home = home();
    fs::create_dir(home.path("kept")).unwrap();
    home.write("kept/real.json", "old");
    for (link, target) in [
        ("a.json", "kept/real.json"),
        ("b.json", "kept/dangling.json"),
    ] {
        symlink(target, home.path(link)).unwrap();
        let said = home.run(&format!("exec --receipt {link} add.py"));
        assert_eq!(said.code, 0, "{said:?}");
        let found = fs::symlink_metadata(home.path(link)).unwrap();
        assert!(found.is_symlink(), "{link} was replaced");
        is_receipt(&fs::read_to_string(home.path(target)).unwrap());
    }
    symlink("loop.json", home.path("loop.json")).unwrap();
    for bad in ["kept", ".", "kept/..", "loop.json"] {
        let words = format!("exec --receipt {bad} crash.py");
        home.write("crash.py", "print('it ran')");
        let said = home.run(&words);
        said.refuses(64, "write");
        assert!(!said.out.contains("it ran"), "{bad}: {said:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_after_the_work_is_kept() {
    let home = home();
    assert_eq!(home.run("exec add.py").code, 0);
    // Files of this one command may hold nothing: what was checked before, an empty file, can still be made.
    let mut command = home.command("sh");
    command.arg("-c").arg(format!(
        "trap '' XFSZ; ulimit -f 0; exec {} solve --cases cases.json --out sum.py '{PROMPT}'",
        program("edgecoder").display()
    ));
    let said = said(&mut command);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.err.contains("sum.py"), "{said:?}");
    let (_, show) = said.err.split_once("`edgecoder task show ").unwrap();
    let id = show.split('`').next().unwrap();
    let shown = home.run(&format!("task show {id}"));
    assert!(shown.out.contains("def add(a, b)"), "{shown:?}");
}

#[test]
fn code_that_goes_into_the_project_is_judged_where_it_will_lie() {
    let home = home();
    home.write("proj/src/a.py", "ONE = 1\n");
    home.write(
        "proj/test_b.py",
        "import unittest\nfrom src.a import ONE\nfrom src.b import add\n\nclass T(unittest.TestCase):\n\
         \x20   def test_add(self):\n        self.assertEqual(add(ONE, 2), 3)\n",
    );
    for (out, written) in [
        ("proj/src/b.py", "proj/src/b.py"),
        ("proj/src/../src/b.py", "proj/src/b.py"),
    ] {
        fs::remove_file(home.path(written)).ok();
        let said = home.edgecoder(&[
            "solve",
            "--files",
            "proj",
            "--tests",
            "proj/test_b.py",
            "--out",
            out,
            PROMPT,
        ]);
        assert_eq!(said.code, 0, "{out}: {said:?}");
        assert!(home.path(written).exists());
    }
}

#[test]
fn failing_code_is_never_called_verified() {
    let home = home();
    home.write(
        "heldout.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 5, "heldout": true}]"#,
    );
    home.write("crash.py", "1 / 0\n");
    let praise = |text: &str| {
        text.contains(": verified")
            || text.contains(", verified")
            || text.contains("it ran to its end")
    };
    for (words, code) in [
        ("test --cases cases.json --bundle run.bundle wrong.py", 1),
        ("replay run.bundle", 0),
        ("test --cases heldout.json --bundle run.bundle wrong.py", 1),
        ("replay run.bundle", 0),
        ("exec --bundle run.bundle crash.py", 1),
        ("replay run.bundle", 0),
    ] {
        let said = home.run(words);
        assert_eq!(said.code, code, "{words}: {said:?}");
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains("evidence"), "{words}: {said:?}");
        assert!(!praise(&all), "{words}: {said:?}");
    }
    home.write(
        "cases.json",
        r#"[{"entry": "add", "args": [2, 3], "expect": 6}]"#,
    );
    let said = home.edgecoder(&["solve", "--cases", "cases.json", PROMPT]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!praise(&said.out), "{said:?}");
    home.write("cases.json", CASES);
    let said = home.run("test --cases cases.json add.py");
    assert!(praise(&said.err), "{said:?}");
}

#[test]
fn a_test_file_that_would_test_nothing_is_refused() {
    let home = home();
    let suite = "import unittest\nclass T(unittest.TestCase):\n    def test_add(self):\n        assert False\n";
    for (name, text, says) in [
        (
            "tests.py",
            "from add import add\ndef test_add():\n    assert add(1, 1) == 3\n",
            "test_tests.py",
        ),
        ("check.py", suite, "test_check.py"),
        ("tests.py", "", "empty"),
        ("tests.py", "\n  \n", "empty"),
    ] {
        home.write(name, text);
        let words = format!("test --tests {name} add.py");
        home.run(&words).refuses(64, says);
    }
    for text in [
        "assert add(1, 1) == 2\n",
        "assert(add(1, 1) == 2)\n",
        "def test_add():\n    assert add(1, 1) == 2\ntest_add()\n",
        "def check(f):\n    assert f(1, 1) == 2\ncheck(add)\n",
        "def test_add():\n    pass\nassert add(1, 1) == 2\n",
    ] {
        home.write("tests.py", text);
        let said = home.run("test --tests tests.py add.py");
        assert_eq!(said.code, 0, "{text}: {said:?}");
    }
}

#[test]
fn standard_input_is_given_whole_or_refused() {
    let home = home();
    home.write("length.py", "import sys\nprint(len(sys.stdin.read()))\n");
    let with = |length: usize| {
        let mut command = home.command(program("edgecoder"));
        command.args(["exec", "--stdin", "-", "length.py"]);
        said_with(&mut command, &vec![b'x'; length])
    };
    let said = with(1_000_000);
    assert_eq!((said.code, said.out.as_str()), (0, "1000000\n"), "{said:?}");
    with(100_000_000).refuses(64, "larger than");
    let mut command = home.command(program("edgecoder"));
    command.args(["solve", "-"]);
    said_with(&mut command, &vec![b'x'; 2_000_000]).refuses(64, "longer than");
    let mut command = home.command(program("edgecoder"));
    command.args(["solve", "-"]);
    said_with(&mut command, b"\xff").refuses(64, "UTF-8");
}
