//! A node is a value: several run in one process, share one sandbox and a model, and stop cleanly.
//!
//! The model is scripted (it stands in for llama.cpp, so that what it says is known); sandbox, store, tasks and
//! receipts are the real ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use edgecoder_daemon::{
    Node, Ports,
    config::{Layers, Settings},
    node::Clock,
    serve,
    wiring::{ModelAnswer, Models},
};
use edgecoder_inference::{Provider, Scripted, scripted::Act};
use edgecoder_node_store::{Faults, Store, TreeName};
use edgecoder_protocol::{
    Bytes, EvidenceClass, Limits, Millis, RelPath, TaskState, Tokens,
    execution::SuiteKind,
    key::NodeKey,
    operator::{Blob, Files, ModelView, SolveOutcome, TaskRequest, TaskView, TestSet},
    task::PrivacyClass,
};
use edgecoder_sandbox::Sandbox;

/// Hands out one scripted provider.
struct Script(Arc<Scripted>);

impl Models for Script {
    fn active(&self) -> ModelAnswer<'_, Arc<dyn Provider>> {
        let provider: Arc<dyn Provider> = self.0.clone();
        Box::pin(async move { Ok(provider) })
    }
    fn choose(&self, _: &str) {}
    fn switch(&self, _: &str) -> ModelAnswer<'_, ModelView> {
        unreachable!("no test here switches models")
    }
    fn list(&self) -> Pin<Box<dyn Future<Output = Vec<ModelView>> + Send + '_>> {
        Box::pin(async { Vec::new() })
    }
    fn file(&self) -> String {
        "scripted".into()
    }
    fn pid(&self) -> Option<u32> {
        None
    }
}

const WRONG: &str = "def add(a, b):\n    return a - b\n";
const RIGHT: &str = "def add(a, b):\n    return a + b\n";
const CASES: &str = r#"[{"entry": "add", "args": [2, 3], "expect": 5}, {"entry": "add", "args": [0, 0], "expect": 0}]"#;

/// Wrong at first, right once a failure is told.
fn repairing() -> Arc<Script> {
    Arc::new(Script(Arc::new(Scripted::new(|request| {
        let told = request
            .messages
            .iter()
            .any(|message| message.content.contains("returned -1, expected 5"));
        Act::Say(vec![if told { RIGHT } else { WRONG }.to_owned()])
    }))))
}

/// Says nothing for an hour, so that its task stays open.
fn silent() -> Arc<Script> {
    Arc::new(Script(Arc::new(Scripted::new(|_| {
        Act::Slowly(Duration::from_secs(3_600), Vec::new())
    }))))
}

fn sandbox() -> Sandbox {
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let settings = Settings::read(&Layers {
        environment,
        ..Layers::default()
    })
    .unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_edgecoderd")).to_owned();
    Sandbox::start(serve::sandbox_config(program, &settings.config().unwrap()))
}

async fn node(store: Store, sandbox: &Sandbox, models: Arc<dyn Models>, seed: u8) -> Node {
    node_with_clock(store, sandbox, models, seed, serve::now).await
}

async fn node_with_clock(
    store: Store,
    sandbox: &Sandbox,
    models: Arc<dyn Models>,
    seed: u8,
    clock: Clock,
) -> Node {
    // Only a node whose store is on a disk writes there.
    let home = format!(
        "{}/nodes-{}",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    let environment = vec![("HOME".to_owned(), home)];
    let settings = Settings::read(&Layers {
        environment,
        ..Layers::default()
    })
    .unwrap();
    let ports = Ports {
        store,
        sandbox: sandbox.clone(),
        lent: None,
        models,
        build: "test".into(),
        key: NodeKey::from_seed(&mut [seed; 32]),
        clock,
        random: serve::random,
    };
    Node::start(settings.config().unwrap(), ports)
        .await
        .unwrap()
}

fn request(max_iterations: u32) -> TaskRequest {
    TaskRequest {
        prompt: "Write add(a, b).".into(),
        files: Files::default(),
        tests: Some(TestSet::Cases(CASES.into())),
        solution: RelPath::new("solution.py").unwrap(),
        candidates: 1,
        max_iterations,
        budget: Tokens(10_000),
        deadline_ms: 600_000,
        seed: 1,
        limits: None,
        privacy: PrivacyClass::Local,
    }
}

async fn ended(node: &Node, task: &TaskView) -> TaskView {
    let handle = node.handle();
    loop {
        let view = handle.tasks().show(task.id).unwrap();
        if view.state.is_final() {
            return view;
        }
        let (_, more) = handle.tasks().events(task.id, 0).unwrap();
        if let Some(mut more) = more {
            // The wait only bounds a missed wake-up; the loop looks again.
            tokio::time::timeout(Duration::from_secs(1), more.changed())
                .await
                .ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_share_a_sandbox_and_agree_on_receipts() {
    let sandbox = sandbox();
    let mut bodies = Vec::new();
    let clocks: [Clock; 3] = [serve::now, || Millis(0), || Millis(4_102_444_800_000)];
    for (seed, clock) in (1..=3).zip(clocks) {
        let node = node_with_clock(Store::memory(), &sandbox, repairing(), seed, clock).await;
        let task = node.handle().submit(request(3)).await.unwrap();
        let view = ended(&node, &task).await;
        let result = view.result.unwrap();
        assert_eq!(
            (view.state, result.outcome),
            (TaskState::Delivered, SolveOutcome::Solved)
        );
        assert_eq!((result.attempts, result.code.as_deref()), (2, Some(RIGHT)));
        assert_eq!(result.evidence, Some(EvidenceClass::Cases));
        let receipt = result.receipt.unwrap();
        receipt.check().unwrap();
        let replay = node
            .handle()
            .executor()
            .replay(&result.bundle.unwrap().0)
            .await
            .unwrap();
        assert_eq!(replay.verdict, edgecoder_protocol::Verdict::Agreed);
        bodies.push((receipt.signer, receipt.body));
        node.stop().await.unwrap();
    }
    assert!(bodies.iter().all(|(_, body)| *body == bodies[0].1));
    assert_ne!(bodies[0].0, bodies[1].0);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_cannot_be_solved_fails_with_its_reason() {
    let sandbox = sandbox();
    let stubborn = Arc::new(Script(Arc::new(Scripted::new(|_| {
        Act::Say(vec![WRONG.to_owned()])
    }))));
    let node = node(Store::memory(), &sandbox, stubborn, 1).await;
    let task = node.handle().submit(request(3)).await.unwrap();
    let view = ended(&node, &task).await;
    assert_eq!(view.state, TaskState::Failed);
    assert_eq!(view.result.unwrap().outcome, SolveOutcome::Repeating);
    let refused = node.handle().submit(request(0)).await.unwrap_err();
    assert!(refused.message.contains("expected 1 to 100"), "{refused}");
    node.stop().await.unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_open_when_the_node_stops_begins_again_at_the_next_start() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = Store::open(&path, &Faults::default()).unwrap().store;
    let first = node(store.clone(), &sandbox, silent(), 1).await;
    let task = first.handle().submit(request(3)).await.unwrap();
    first.stop().await.unwrap();
    let second = node(store, &sandbox, repairing(), 1).await;
    let view = ended(&second, &task).await;
    assert_eq!(view.state, TaskState::Delivered);
    let (events, _) = second.handle().tasks().events(task.id, 0).unwrap();
    let cursors: Vec<u64> = events.iter().map(|event| event.cursor).collect();
    assert!(cursors.is_sorted_by(|a, b| a < b), "{cursors:?}");
    // A client may have seen events that the crash took: none of the new ones hides behind them.
    let begun = events.iter().position(|event| event.cursor > 1_000_000);
    assert!(begun.is_some_and(|at| at < 8), "{cursors:?}");
    second.stop().await.unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_out_cases_judge_and_are_never_told() {
    let sandbox = sandbox();
    let told = Arc::new(Mutex::new(String::new()));
    let heard = told.clone();
    // Right on what is shown, wrong on what is held out, until it is asked a third time.
    let model = Arc::new(Script(Arc::new(Scripted::new(move |request| {
        let mut told = heard.lock().unwrap();
        for message in &request.messages {
            told.push_str(&message.content);
        }
        let asked = told.matches("Write add").count();
        let code = match asked {
            1 => WRONG.to_owned(),
            2 => "def add(a, b):\n    return 5\n".to_owned(),
            _ => RIGHT.to_owned(),
        };
        Act::Say(vec![code])
    }))));
    let node = node(Store::memory(), &sandbox, model, 1).await;
    let cases = |shown: bool| {
        let hidden = r#"{"entry": "add", "args": [4000, 321], "expect": 4321, "heldout": true}"#;
        let open = r#"{"entry": "add", "args": [2, 3], "expect": 5},"#;
        format!("[{}{hidden}]", if shown { open } else { "" })
    };
    for (shown, evidence) in [
        (true, EvidenceClass::Cases),
        (false, EvidenceClass::HeldoutCases),
    ] {
        told.lock().unwrap().clear();
        let mut request = request(4);
        request.tests = Some(TestSet::Cases(cases(shown)));
        let task = node.handle().submit(request).await.unwrap();
        let result = ended(&node, &task).await.result.unwrap();
        assert_eq!(result.outcome, SolveOutcome::Solved, "{}", result.next);
        assert_eq!(result.evidence, Some(evidence));
        let (handle, bundle) = (node.handle(), result.bundle.unwrap());
        let replay = handle.executor().replay(&bundle.0);
        assert_eq!(
            replay.await.unwrap().verdict,
            edgecoder_protocol::Verdict::Agreed
        );
        let told = told.lock().unwrap();
        assert!(told.contains("a case that is held out failed"), "{told}");
        for secret in ["4000", "321", "4321"] {
            assert!(!told.contains(secret), "{secret} was told: {told}");
        }
    }
    node.stop().await.unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_task_stays_withdrawn_whatever_happens() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = Store::open(&path, &Faults::default()).unwrap().store;
    let first = node(store.clone(), &sandbox, silent(), 1).await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(first.handle().submit(request(3)).await.unwrap());
    }
    let handle = first.handle();
    // Two run; the last one waits and has no turn before the others' end, which never comes.
    let queued = handle.tasks().cancel(tasks[3].id).await.unwrap();
    assert_eq!(queued.state, TaskState::Cancelled);
    assert_eq!(
        queued.result.unwrap().outcome,
        SolveOutcome::Cancelled,
        "a waiting task ends at once"
    );
    let again = handle.tasks().cancel(tasks[3].id).await.unwrap_err();
    assert!(again.message.contains("already ended"), "{again}");
    handle.tasks().cancel(tasks[0].id).await.unwrap();
    // A handle keeps the ledger's database open.
    drop(handle);
    first.stop().await.unwrap();
    let stored = |task: &TaskView| -> serde_json::Value {
        let found = store.get(TreeName::Tasks, &task.id.0).unwrap();
        found.unwrap()
    };
    for (at, withdrawn) in [(0, true), (1, false), (3, true)] {
        assert_eq!(stored(&tasks[at])["is_withdrawn"], withdrawn, "task {at}");
    }
    // As a daemon leaves it that dies right after it has acknowledged.
    let mut cut_off = stored(&tasks[2]);
    cut_off["is_withdrawn"] = true.into();
    let key = tasks[2].id.0;
    store.put(TreeName::Tasks, &key, &cut_off).unwrap();
    let second = node(store.clone(), &sandbox, repairing(), 1).await;
    for (at, task) in tasks.iter().enumerate() {
        let state = ended(&second, task).await.state;
        let wanted = match at {
            0 | 2 | 3 => TaskState::Cancelled,
            _ => TaskState::Delivered,
        };
        assert_eq!(state, wanted, "task {at}");
    }
    second.stop().await.unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_is_refused_before_anything_is_asked_of_a_model() {
    let sandbox = sandbox();
    let never = Arc::new(Script(Arc::new(Scripted::new(|_| {
        unreachable!("the model was asked")
    }))));
    let node = node(Store::memory(), &sandbox, never, 1).await;
    let path = |text: &str| RelPath::new(text).unwrap();
    let suite = |name: &str, content: &[u8]| {
        let mut task = request(3);
        task.files = Files([(path(name), Blob(content.to_vec()))].into());
        let kind = SuiteKind::Asserts;
        task.tests = Some(TestSet::Suite {
            kind,
            path: path(name),
        });
        task
    };
    let mut absent = suite("a.py", b"assert True");
    absent.files = Files::default();
    let mut greedy = request(3);
    greedy.limits = Some(Limits {
        memory: Bytes(1 << 40),
        ..Limits::default()
    });
    for (task, why) in [
        (suite("solution.py", b"assert True"), "both the tests and"),
        (suite("a.py", b"assert '\xff'"), "UTF-8"),
        (suite("a.py", &[b' '; 5 << 20]), "source file"),
        (absent, "not among the files"),
        (greedy, "`memory`"),
    ] {
        let refused = node.handle().submit(task).await.unwrap_err();
        assert!(refused.message.contains(why), "{why}: {refused}");
        assert_eq!(refused.kind.exit_code(), 64);
    }
    assert_eq!(node.handle().tasks().list().unwrap(), []);
    node.stop().await.unwrap();
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_of_tasks_that_wait_after_a_restart_only_wait() {
    let sandbox = sandbox();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = Store::open(&path, &Faults::default()).unwrap().store;
    let first = node(store.clone(), &sandbox, silent(), 1).await;
    for _ in 0..4 {
        first.handle().submit(request(3)).await.unwrap();
    }
    first.stop().await.unwrap();
    let second = node(store, &sandbox, silent(), 1).await;
    let handle = second.handle();
    for task in handle.tasks().list().unwrap() {
        for after in [0, 3] {
            let (events, more) = handle.tasks().events(task.id, after).unwrap();
            let last = events.last().map_or(after, |event| event.cursor);
            let cursor = *more.unwrap().borrow();
            assert!(
                cursor <= last.max(after),
                "{cursor} promises more than {last}"
            );
        }
    }
    second.stop().await.unwrap();
    sandbox.stop().await;
}
