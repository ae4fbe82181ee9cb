//! What is a plan, what is not, and what each of its steps is given.

use super::*;
use crate::{operator::Files, task::PrivacyClass, units::Tokens};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn task() -> TaskRequest {
    let tests = path("test_all.py");
    let files = ["test_all.py", "test_a.py"].map(|name| (path(name), Blob(b"x".to_vec())));
    TaskRequest {
        prompt: "all".into(),
        files: Files(files.into()),
        tests: Some(TestSet::Suite {
            kind: SuiteKind::Unittest,
            path: tests,
        }),
        solution: path("solution.py"),
        candidates: 1,
        max_iterations: 1,
        budget: Tokens(1),
        deadline_ms: 1,
        seed: 1,
        limits: None,
        privacy: PrivacyClass::Mesh,
    }
}

fn step(id: &str, writes: &str, needs: &str, tests: &str) -> String {
    format!(
        r#"{{"id": "{id}", "prompt": "p {id}", "writes": "{writes}", "needs": [{needs}]{tests}}}"#
    )
}

fn read(steps: &[String]) -> Result<Plan, PlanError> {
    let reply = format!(
        "Here it is:\n```json\n{{\"steps\": [{}]}}\n``` ok?",
        steps.join(", ")
    );
    Plan::read(&reply, &task())
}

#[test]
fn steps_come_behind_what_they_need_and_get_what_was_handed_over() {
    let plan = read(&[
        step("c", "solution.py", r#""b""#, ""),
        step("b", "b.py", r#""a""#, ""),
        step("a", "a.py", "", r#", "tests": "test_a.py""#),
    ])
    .unwrap();
    let order: Vec<_> = plan
        .steps()
        .iter()
        .map(|step| (step.writes.as_str(), step.needs.clone()))
        .collect();
    assert_eq!(
        order,
        [
            ("a.py", vec![]),
            ("b.py", vec![0]),
            ("solution.py", vec![1])
        ]
    );
    assert_eq!(plan.before(2), [0, 1].into());
    let mut answered = BTreeMap::from([(0, b"A".to_vec())]);
    assert_eq!(
        plan.request(2, &task(), &answered),
        None,
        "b has not answered"
    );
    answered.insert(1, b"B".to_vec());
    let last = plan.request(2, &task(), &answered).unwrap();
    assert_eq!(
        (
            last.files.0[&path("a.py")].0.as_slice(),
            last.prompt.as_str()
        ),
        (&b"A"[..], "p c")
    );
    assert_eq!(
        last.tests,
        task().tests,
        "the task's own tests judge the last step"
    );
    let first = plan.request(0, &task(), &BTreeMap::new()).unwrap();
    let own = TestSet::Suite {
        kind: SuiteKind::Unittest,
        path: path("test_a.py"),
    };
    assert_eq!((first.tests, first.solution), (Some(own), path("a.py")));
    assert_eq!(plan.request(1, &task(), &answered).unwrap().tests, None);
    assert_eq!(plan.request(3, &task(), &answered), None);
}

#[test]
fn a_first_draft_of_the_solution_is_not_judged_as_the_solution() {
    let plan = read(&[
        step("draft", "solution.py", "", ""),
        step("whole", "solution.py", r#""draft""#, ""),
    ])
    .unwrap();
    let draft = plan.request(0, &task(), &BTreeMap::new()).unwrap();
    assert_eq!(draft.tests, None);
    let answered = BTreeMap::from([(0, b"D".to_vec())]);
    let whole = plan.request(1, &task(), &answered).unwrap();
    assert_eq!(whole.tests, task().tests);
    assert_eq!(whole.files.0[&path("solution.py")].0, b"D");
}

#[test]
fn what_is_no_plan_is_refused_with_its_reason() {
    let last = || step("z", "solution.py", "", "");
    let cycle = [
        step("a", "a.py", r#""b""#, ""),
        step("b", "b.py", r#""a""#, ""),
        last(),
    ];
    assert_eq!(
        read(&cycle),
        Err(PlanError::Cycle(vec!["a".into(), "b".into()]))
    );
    let own = [step("a", "solution.py", r#""a""#, "")];
    assert_eq!(read(&own), Err(PlanError::Cycle(vec!["a".into()])));
    assert_eq!(read(&[]), Err(PlanError::Count(0)));
    let many: Vec<_> = (0..=STEPS_MAX)
        .map(|n| step(&n.to_string(), "a.py", "", ""))
        .collect();
    assert_eq!(read(&many), Err(PlanError::Count(STEPS_MAX + 1)));
    assert_eq!(read(&[last(), last()]), Err(PlanError::Twice("z".into())));
    let unknown = PlanError::Unknown {
        step: "a".into(),
        need: "q".into(),
    };
    assert_eq!(
        read(&[step("a", "a.py", r#""q""#, ""), last()]),
        Err(unknown)
    );
    let shadows = PlanError::WritesTests {
        step: "a".into(),
        path: path("test_all.py"),
    };
    assert_eq!(
        read(&[step("a", "test_all.py", "", ""), last()]),
        Err(shadows)
    );
    let untested = PlanError::NoTests {
        step: "z".into(),
        path: path("q.py"),
    };
    assert_eq!(
        read(&[step("z", "solution.py", "", r#", "tests": "q.py""#)]),
        Err(untested)
    );
    assert_eq!(
        read(&[step("a", "a.py", "", "")]),
        Err(PlanError::NoSolution(path("solution.py")))
    );
    let reply = Plan::read(
        r#"{"steps": [{"id": "a", "prompt": "p", "writes": "../x"}]}"#,
        &task(),
    );
    assert!(matches!(reply, Err(PlanError::Absent(_))), "{reply:?}");
    for reply in ["", "no plan", "{", "{}", "[]", "{\"steps\": 3}"] {
        assert!(
            matches!(Plan::read(reply, &task()), Err(PlanError::Absent(_))),
            "{reply}"
        );
    }
}

#[test]
fn a_task_in_one_go_is_a_plan_of_one_step() {
    let plan = Plan::single(&task());
    assert_eq!(plan.request(0, &task(), &BTreeMap::new()), Some(task()));
}

#[test]
fn what_is_handed_over_is_of_its_kind() {
    for (name, content, accepted) in [
        ("a.py", &b"x = 1"[..], true),
        ("a.py", b"\xff", false),
        ("a.json", b"[1]", true),
        ("a.json", b"[1", false),
        ("a.txt", b"\xff", false),
        ("a.bin", b"\xff", true),
        ("none", b"\xff", true),
    ] {
        assert_eq!(
            FileKind::of(&path(name)).accepts(content),
            accepted,
            "{name} {content:?}"
        );
    }
}

#[test]
fn changes_of_one_file_that_were_made_apart_are_put_together_where_they_meet() {
    let plan = read(&[
        step("base", "app.py", "", ""),
        step("left", "app.py", r#""base""#, ""),
        step("right", "app.py", r#""base""#, ""),
        step("use", "use.py", r#""left", "right""#, ""),
        step("end", "solution.py", r#""use""#, ""),
    ])
    .unwrap();
    let shape: Vec<_> = plan
        .steps()
        .iter()
        .map(|step| {
            (
                step.writes.as_str(),
                step.needs.clone(),
                step.merges.clone(),
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("app.py", vec![], vec![]),
            ("app.py", vec![0], vec![]),
            ("app.py", vec![0], vec![]),
            ("app.py", vec![1, 2], vec![1, 2]),
            ("use.py", vec![1, 2, 3], vec![]),
            ("solution.py", vec![4], vec![]),
        ]
    );
    let answered = |left: &str, right: &str| {
        let texts = ["a\nb\nc\n", left, right].map(|text| text.as_bytes().to_vec());
        (0..).zip(texts).collect::<BTreeMap<u16, Vec<u8>>>()
    };
    let merge = |left, right| plan.merge(3, &task(), &answered(left, right)).unwrap();
    let apart = merge("A\nb\nc\n", "a\nb\nC\n");
    assert_eq!(
        (apart.base.as_str(), apart.text),
        ("a\nb\nc\n", Ok("A\nb\nC\n".into()))
    );
    let same = merge("a\nX\nc\n", "a\nY\nc\n");
    let marked = same.text.clone().unwrap_err();
    for part in ["<<<<<<<", "X", "=======", "Y", ">>>>>>>"] {
        assert!(marked.contains(part), "{marked}");
    }
    let asked = plan
        .request(3, &task(), &answered("a\nX\nc\n", "a\nY\nc\n"))
        .unwrap();
    assert_eq!(asked.prompt, same.prompt(&path("app.py")));
    assert!(asked.prompt.contains("a\nX\nc") && asked.prompt.contains("a\nY\nc"));
    assert_eq!(plan.merge(4, &task(), &answered("", "")), None);
    // What builds on the merge is given the merged file.
    let mut all = answered("A\nb\nc\n", "a\nb\nC\n");
    all.insert(3, b"merged".to_vec());
    let given = plan.request(4, &task(), &all).unwrap().files;
    assert_eq!(given.0[&path("app.py")].0, b"merged");
}

#[test]
fn a_solution_that_is_left_in_two_versions_is_merged_last_and_judged_then() {
    let plan = read(&[
        step("a", "solution.py", "", ""),
        step("b", "solution.py", "", ""),
    ])
    .unwrap();
    assert_eq!(plan.solving_step(&task()), Some(2));
    assert_eq!(plan.steps()[2].merges, [0, 1]);
    let answered = BTreeMap::from([(0, b"x".to_vec()), (1, b"y".to_vec())]);
    let whole = plan.request(2, &task(), &answered).unwrap();
    assert_eq!(whole.tests, task().tests);
    let draft = plan.request(0, &task(), &answered).unwrap();
    assert_eq!(draft.tests, None);
}

#[test]
fn merges_count_as_steps_and_long_files_are_not_compared() {
    let mut steps: Vec<String> = (0..STEPS_MAX - 1)
        .map(|at| step(&format!("s{at}"), "solution.py", "", ""))
        .collect();
    let plan = read(&steps).unwrap();
    assert_eq!(plan.steps().len(), STEPS_MAX);
    steps.push(step("more", "solution.py", "", ""));
    assert_eq!(read(&steps), Err(PlanError::Count(STEPS_MAX + 1)));
    let plan = read(&steps[..2]).unwrap();
    let long = "x\n".repeat(5_000).into_bytes();
    let answered = BTreeMap::from([(0, long.clone()), (1, long)]);
    assert!(plan.merge(2, &task(), &answered).unwrap().text.is_err());
}
