//! How long things take. Ignored by default: a busy machine would fail them for no fault of theirs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]
#![allow(clippy::disallowed_methods, reason = "measures real time")]

mod common;

use std::time::Instant;

use common::{sandbox, script};
use edgecoder_protocol::Outcome;

#[tokio::test]
#[ignore = "a measurement: cargo test -p edgecoder-sandbox --test speed -- --ignored --nocapture"]
async fn a_trivial_run_takes_few_milliseconds() {
    let sandbox = sandbox();
    sandbox.ready().await.unwrap();
    let source = "print(sum(range(10)))\ndef add(a, b):\n    return a + b\nassert add(2, 3) == 5\n";
    for (name, source) in [("empty", ""), ("trivial", source)] {
        let (mut spent, mut fuel) = (Vec::new(), 0);
        for _ in 0..300 {
            // With a pause, as requests come in life; without one the next guest is not ready yet.
            tokio::time::sleep(std::time::Duration::from_millis(4)).await;
            let began = Instant::now();
            let report = sandbox.run(script(source)).await.unwrap();
            spent.push(began.elapsed());
            assert_eq!(report.body.outcome, Outcome::Ok, "{}", report.reason);
            fuel = report.body.fuel.0;
        }
        spent.sort();
        println!(
            "{name}: median {:?}, 90 % {:?}, fuel {fuel}",
            spent[150], spent[270]
        );
    }
}
