//! Budgets, deadlines, cancellation, refusals.

use std::time::Duration;

use edgecoder_inference::{InferenceError, Provider};
use edgecoder_protocol::{generation::*, units::Tokens};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{World, endless, hot, request};

#[tokio::test]
async fn garbage_for_ever_stops_at_its_budget() {
    let world = World::new();
    let shared = GenerateRequest {
        candidates: 4,
        budget: Tokens(100),
        answer_max: Tokens(1_000),
        sampling: hot(1),
        ..request("x")
    };
    let generation = world.ask(shared).await.unwrap();
    assert_eq!(generation.generated_tokens, Tokens(100));
    // One may have found its end by chance.
    let ran_out = |answer: &Candidate| answer.finish == FinishReason::Length;
    assert!(generation.candidates.iter().any(ran_out));
}

#[tokio::test]
async fn garbage_for_ever_stops_at_the_end_of_the_context() {
    let world = World::with(
        |path| {
            let shape = edgecoder_inference::bench::model::Shape {
                context: 200,
                ..edgecoder_inference::bench::model::Shape::TINY
            };
            edgecoder_inference::bench::model::write_random_llama(path, shape, 1).unwrap();
        },
        |_| {},
    );
    let generation = world.ask(endless("x")).await.unwrap();
    assert_eq!(
        generation.prompt_tokens.0 + generation.generated_tokens.0,
        200
    );
    assert_eq!(generation.candidates[0].finish, FinishReason::Length);
}

#[tokio::test]
async fn a_deadline_ends_the_answer_where_it_is() {
    let world = World::with_long_context();
    world.ask(request("warm")).await.unwrap();
    let late = GenerateRequest {
        deadline_ms: 200,
        ..endless("x")
    };
    let generation = world.ask(late).await.unwrap();
    assert_eq!(generation.candidates[0].finish, FinishReason::Deadline);
    let never = GenerateRequest {
        deadline_ms: 0,
        ..request("x")
    };
    assert!(matches!(world.ask(never).await, Err(InferenceError::Late)));
}

#[tokio::test]
async fn cancelling_ends_the_answer_where_it_is() {
    let world = World::with_long_context();
    let (sink, mut deltas) = mpsc::channel(4);
    let cancel = CancellationToken::new();
    let generate = world
        .llama
        .generate(endless("x"), Some(sink), cancel.clone());
    let read = async {
        deltas.recv().await.unwrap();
        cancel.cancel();
    };
    let (generation, ()) = tokio::join!(generate, read);
    assert_eq!(
        generation.unwrap().candidates[0].finish,
        FinishReason::Cancelled
    );

    let done = CancellationToken::new();
    done.cancel();
    let never = world.llama.generate(request("x"), None, done).await;
    assert!(matches!(never, Err(InferenceError::Cancelled)));
}

#[tokio::test]
async fn a_caller_that_goes_away_frees_its_place() {
    let world = World::with_long_context();
    // More than may be in flight, and than there are sequences.
    for _ in 0..100 {
        let gone = world.ask(endless("x"));
        assert!(
            tokio::time::timeout(Duration::from_millis(10), gone)
                .await
                .is_err()
        );
    }
    assert_eq!(
        world.ask(request("x")).await.unwrap().generated_tokens,
        Tokens(24)
    );
}

#[tokio::test]
async fn what_can_never_be_answered_is_refused_with_numbers() {
    let world = World::new();
    let long = "word ".repeat(2_000);
    let table: [(GenerateRequest, &[&str]); 5] = [
        (request(&long), &["10019 tokens", "4096"]),
        (
            GenerateRequest {
                candidates: 0,
                ..request("x")
            },
            &["0 answers"],
        ),
        (
            GenerateRequest {
                candidates: 17,
                ..request("x")
            },
            &["17 answers", "16"],
        ),
        (
            GenerateRequest {
                budget: Tokens(0),
                ..request("x")
            },
            &["no tokens"],
        ),
        (
            GenerateRequest {
                sampling: Sampling {
                    temperature: f32::NAN,
                    top_p: 1.0,
                    seed: 0,
                },
                ..request("x")
            },
            &["temperature"],
        ),
    ];
    for (request, words) in table {
        let error = world.ask(request).await.unwrap_err();
        assert!(matches!(error, InferenceError::Refused { .. }), "{error}");
        assert!(
            words.iter().all(|word| error.to_string().contains(word)),
            "{error}"
        );
    }
    let huge = world.ask(request(&"x".repeat(17 << 20))).await;
    assert!(
        matches!(huge, Err(InferenceError::Refused { .. })),
        "{huge:?}"
    );
    assert!(world.ask(request("x")).await.is_ok());
}

impl World {
    /// An answer in it takes far longer than the test.
    fn with_long_context() -> Self {
        use edgecoder_inference::bench::model::{Shape, write_random_llama};
        let shape = Shape {
            context: 1 << 20,
            ..Shape::TINY
        };
        Self::with(
            |path| write_random_llama(path, shape, 1).unwrap(),
            |config| config.context = 1 << 17,
        )
    }
}
