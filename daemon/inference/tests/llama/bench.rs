//! The benchmark compares equal work. Its ratio is asserted where the machine is known to be idle.

use edgecoder_inference::{
    WorkerProgram,
    bench::{
        Plan, compare_provider,
        model::{Shape, write_random_llama},
    },
};

fn program(args: &[&str]) -> WorkerProgram {
    WorkerProgram {
        path: env!("CARGO_BIN_EXE_inference-worker").into(),
        args: args.iter().map(Into::into).collect(),
    }
}

async fn measure(shape: Shape, plan: &Plan) -> edgecoder_inference::bench::Comparison {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    write_random_llama(&path, shape, 1).unwrap();
    compare_provider(&path, program(&[]), &program(&["bench-peer"]), plan)
        .await
        .unwrap()
}

#[tokio::test]
async fn both_sides_do_the_same_work() {
    let plan = Plan {
        pairs: 3,
        prompt: 40,
        tokens: 10,
        ..Plan::default()
    };
    let comparison = measure(Shape::TINY, &plan).await;
    assert_eq!(comparison.pairs.len(), 3);
    assert_eq!(comparison.generated_tokens, 10);
    assert!(comparison.prompt_tokens > 40);
    assert!(comparison.ratio > 0.0, "{comparison:?}");
}

#[tokio::test]
#[ignore = "a measurement of some minutes: run by hand on an idle machine"]
async fn ours_costs_at_most_a_twentieth_more_than_the_c_api() {
    let comparison = measure(Shape::BENCH, &Plan::default()).await;
    println!("{comparison:?}");
    assert!(comparison.ratio >= 0.95, "{}", comparison.ratio);
}
