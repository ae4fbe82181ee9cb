//! Requests that cannot be meant: cases, sources and bodies are refused with what is wrong, and the daemon lives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Home;

#[test]
fn malformed_cases_are_refused_with_what_is_wrong() {
    let home = Home::new();
    home.write("solution.py", "def f(x=0):\n    return x\n");
    assert_eq!(home.exec("print(1)", "").code, 0);
    let before = home.status();
    let deep = format!(
        "[{{\"entry\": \"f\", \"expect\": {}1{}}}]",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for cases in [
        "",
        "{}",
        "[]",
        "[1]",
        "nonsense",
        "[{\"entry\": \"f\"}]",
        "[{\"expect\": 1}]",
        r#"[{"entry": "f", "expect": 1, "raises": "ValueError"}]"#,
        r#"[{"entry": "f(", "expect": 1}]"#,
        r#"[{"entry": "import os", "expect": 1}]"#,
        r#"[{"entry": "f", "args": 3, "expect": 1}]"#,
        r#"[{"entry": "f", "expect": 1}"#,
        &deep,
    ] {
        home.write("cases.json", cases);
        let said = home.run("test --cases cases.json solution.py");
        let shown: String = cases.chars().take(60).collect();
        assert_eq!(said.code, 64, "{shown}: {said:?}");
        assert!(said.err.contains("next:"), "{shown}: {said:?}");
    }
    home.write(
        "cases.json",
        r#"[{"entry": "f", "args": [3], "expect": 3, "unknown": {"ignored": true}}]"#,
    );
    assert_eq!(
        home.run("test --cases cases.json solution.py").code,
        0,
        "unknown fields are ignored"
    );
    fs::write(
        home.path("cases.json"),
        b"[{\"entry\": \"f\", \"expect\": \"\xff\"}]",
    )
    .unwrap();
    home.run("test --cases cases.json solution.py")
        .refuses(64, "UTF-8");
    home.still_lives(&before);
}

#[test]
fn sources_too_large_or_not_text_are_refused_or_fail() {
    let home = Home::new();
    assert_eq!(home.exec("print(1)", "").code, 0);
    let before = home.status();
    let huge = home.write("huge.py", "");
    fs::File::create(&huge)
        .unwrap()
        .set_len(100_000_000)
        .unwrap();
    home.write("small.py", "print(1)");
    home.run("exec huge.py").refuses(64, "larger than");
    home.run("test --tests huge.py small.py")
        .refuses(64, "larger than");
    home.run("exec --stdin huge.py small.py")
        .refuses(64, "larger than");
    home.edgecoder(&["solve", "--tests", "huge.py", "anything"])
        .refuses(64, "larger than");
    home.run("exec /dev/zero").refuses(64, "larger than");
    home.run("exec .").refuses(64, "folder");
    home.write("long.py", "x = 1\n".repeat(1_000_000));
    let said = home.run("exec long.py");
    assert!(
        said.code == 64 && said.err.contains("next:"),
        "6 MB: {said:?}"
    );
    for text in [
        &b"print('\xe9')\n"[..],
        b"\xff\xfep\0r\0",
        b"\x80\x81\x82",
        b"# coding: latin-1\n'\xe9'",
    ] {
        fs::write(home.path("odd.py"), text).unwrap();
        home.run("exec odd.py").refuses(64, "UTF-8");
    }
    fs::write(home.path("odd.py"), b"print(1)\0").unwrap();
    let said = home.run("exec odd.py");
    assert!(said.code == 1 && said.err.contains("null byte"), "{said:?}");
    home.still_lives(&before);
}

#[test]
fn nonsense_over_the_socket_gets_an_error_object() {
    let home = Home::new();
    let mut daemon = home.daemon();
    let before = home.status();
    let entry = |value: Value| json!({"files": {"a.py": "cHJpbnQoMSk="}, "entry": value, "tests": null, "limits": null});
    for (path, body) in [
        ("/v1/executions", json!({})),
        ("/v1/executions", json!([1, 2])),
        ("/v1/executions", entry(json!("../a.py"))),
        ("/v1/executions", entry(json!("b.py"))),
        (
            "/v1/executions",
            json!({"files": {"a.py": "not base64!"}, "entry": "a.py", "tests": null, "limits": null}),
        ),
        ("/v1/tasks", json!({"prompt": ""})),
        ("/v1/replays", json!("not a bundle")),
        ("/v1/models/use", json!({"file": "relative.gguf"})),
        ("/v1/nothing", json!({})),
    ] {
        let (status, answer) = home.request("POST", path, &body).unwrap();
        assert!(
            (400..500).contains(&status),
            "{path} {body}: {status} {answer}"
        );
        assert_eq!(answer["schema"], "edgecoder/error/1", "{path}: {answer}");
        let said = |key: &str| !answer[key].as_str().unwrap().is_empty();
        assert!(said("message") && said("next"), "{path}: {answer}");
    }
    for (method, path) in [
        (
            "GET",
            "/v1/tasks/00000000000000000000000000000000/events?after=x",
        ),
        ("DELETE", "/v1/tasks"),
        ("GET", "/v1/executions"),
    ] {
        let (status, answer) = home.request(method, path, &Value::Null).unwrap();
        assert!((400..500).contains(&status), "{method} {path}: {status}");
        assert_eq!(answer["schema"], "edgecoder/error/1", "{path}: {answer}");
    }
    let run = home
        .request("POST", "/v1/executions", &entry(json!("a.py")))
        .unwrap();
    assert_eq!((run.0, &run.1["stdout"]), (200, &json!("1\n")));
    home.still_lives(&before);
    assert_eq!(home.run("daemon stop").code, 0);
    daemon.wait().unwrap();
}
