//! The child process dies, or is confined, or is not there.

use std::time::Duration;

use edgecoder_inference::{InferenceError, Provider};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{World, endless, request};

fn kill(world: &World) {
    let pid = world
        .llama
        .child_pid()
        .and_then(|pid| Pid::from_raw(pid.try_into().unwrap()))
        .unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

#[tokio::test]
async fn no_child_runs_before_something_is_asked() {
    let world = World::new();
    assert_eq!(world.llama.child_pid(), None);
    world.ask(request("x")).await.unwrap();
    assert!(world.llama.child_pid().is_some());
}

#[tokio::test]
async fn an_unused_model_is_unloaded_and_loaded_again() {
    let write = |path: &std::path::Path| {
        use edgecoder_inference::bench::model::{Shape, write_random_llama};
        write_random_llama(path, Shape::TINY, 1).unwrap();
    };
    let world = World::with(write, |config| {
        config.idle_max = Some(Duration::from_millis(1))
    });
    world.ask(request("x")).await.unwrap();
    while world.llama.child_pid().is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(world.ask(request("x")).await.is_ok());
}

#[tokio::test]
async fn a_request_whose_child_is_killed_is_answered_by_the_next() {
    let world = World::new();
    let before = world.ask(request("x")).await.unwrap();
    let first = world.llama.child_pid();
    let asked = tokio::spawn({
        let (llama, request) = (world.llama.clone(), endless("x"));
        async move {
            llama
                .generate(request, None, CancellationToken::new())
                .await
        }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    kill(&world);
    let generation = asked.await.unwrap().unwrap();
    assert!(
        generation.candidates[0]
            .text
            .starts_with(&before.candidates[0].text)
    );
    assert_ne!(world.llama.child_pid(), first);
}

#[tokio::test]
async fn a_stream_whose_child_is_killed_fails_and_the_next_request_works() {
    let world = World::new();
    let (sink, mut deltas) = mpsc::channel(1);
    let generate = world
        .llama
        .generate(endless("x"), Some(sink), CancellationToken::new());
    let read = async {
        deltas.recv().await.unwrap();
        kill(&world);
        while deltas.recv().await.is_some() {}
    };
    let (generation, ()) = tokio::join!(generate, read);
    let error = generation.unwrap_err();
    assert!(
        matches!(error, InferenceError::ChildDied { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("SIGKILL") && error.to_string().contains("model.gguf"),
        "{error}"
    );
    assert!(world.ask(request("x")).await.is_ok());
}

#[tokio::test]
async fn a_request_that_kills_every_child_is_given_up() {
    let write = |_: &std::path::Path| {};
    let world = World::with(write, |config| config.worker.path = "/bin/false".into());
    let error = world.ask(request("x")).await.unwrap_err();
    assert!(
        matches!(error, InferenceError::ChildDied { .. }),
        "{error:?}"
    );
    assert!(matches!(
        world.llama.card().await,
        Err(InferenceError::ChildDied { .. })
    ));

    let world = World::with(write, |config| {
        config.worker.path = "/nonexistent/worker".into()
    });
    let error = world.ask(request("x")).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/worker"), "{error}");
}

#[tokio::test]
async fn the_child_is_confined() {
    let world = World::new();
    world.ask(request("x")).await.unwrap();
    let pid = world.llama.child_pid().unwrap();
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    let status = read("status");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    // 2 is a filter.
    assert!(status.contains("Seccomp:\t2"), "{status}");
    let limits = read("limits");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert!(
        !std::fs::read(format!("/proc/{pid}/environ"))
            .unwrap()
            .starts_with(b"CARGO")
    );
}
