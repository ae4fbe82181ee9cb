//! `edgecoder bench mesh`: what working together costs, on one machine, each part with its peer in the same run.
//!
//! Every part clears away what it made, whether it is measured, fails or is interrupted: what it starts is owned by a
//! value whose drop ends it. A part that cannot be measured is a row that says why, and the others go on.

mod content;
mod council;
mod daemons;
mod dask;
mod etcd;
mod exec;
mod failover;
mod gossip;
mod idle;
mod link;
mod peers;
mod transfer;

use super::{
    Place,
    args::MeshPart,
    bench::{Figure, Row},
    failure::Failure,
    screen,
};

/// Exit code: interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

/// All parts, quick ones first.
const PARTS: [MeshPart; 7] = [
    MeshPart::Exec,
    MeshPart::Dask,
    MeshPart::Gossip,
    MeshPart::Council,
    MeshPart::Failover,
    MeshPart::Idle,
    MeshPart::Transfer,
];

/// Measures the parts named by `only`, or all.
pub async fn run(at: &Place, only: &[MeshPart]) -> Result<Vec<Row>, Failure> {
    tokio::select! {
        biased;
        failure = interrupted() => Err(failure),
        rows = parts(at, only) => Ok(rows),
    }
}

async fn parts(at: &Place, only: &[MeshPart]) -> Vec<Row> {
    let mut rows = Vec::new();
    for part in PARTS {
        if !only.is_empty() && !only.contains(&part) {
            continue;
        }
        let spinner = screen::spinner(&format!(
            "measuring {}; leave the machine alone for a minute or two",
            name(part)
        ));
        let found = match part {
            MeshPart::Exec => exec::rows(at).await,
            MeshPart::Dask => dask::rows(at).await,
            MeshPart::Gossip => gossip::rows().await,
            MeshPart::Council => council::rows(at).await,
            MeshPart::Failover => failover::rows(at).await,
            MeshPart::Idle => idle::rows(at).await,
            MeshPart::Transfer => transfer::rows(at).await,
        };
        spinner.finish_and_clear();
        rows.extend(found.unwrap_or_else(|failure| vec![unmeasured(name(part), &failure)]));
    }
    rows
}

fn name(part: MeshPart) -> &'static str {
    match part {
        MeshPart::Exec => "executions in the network",
        MeshPart::Dask => "executions against Dask",
        MeshPart::Gossip => "gossip",
        MeshPart::Council => "the council against etcd",
        MeshPart::Failover => "a coordinator's failover",
        MeshPart::Idle => "an idle daemon among 50 peers",
        MeshPart::Transfer => "a transfer from four providers",
    }
}

/// Ends when the user interrupts; what the parts own is then dropped.
async fn interrupted() -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the default action ends this process at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    let next = "run it again; what it had started is gone";
    Failure::new(INTERRUPTED, "the benchmark was interrupted", next)
}

/// A row for what could not be measured: no bar is reached by it.
fn unmeasured(what: &str, failure: &Failure) -> Row {
    let none = |name| Figure {
        name,
        median: f64::NAN,
        p99: None,
        n: 0,
        unit: "",
    };
    Row {
        name: format!(
            "{what}: not measured: {}; {}",
            failure.message, failure.next
        ),
        ours: none(None),
        peer: none(Some("nobody")),
        ratio: f64::NAN,
        bar: "to be measured".into(),
        ok: false,
    }
}

/// A row whose ratio of medians must be at least `bar`.
fn at_least(name: impl Into<String>, ours: Figure, peer: Figure, bar: f64) -> Row {
    let ratio = ours.median / peer.median;
    Row {
        name: name.into(),
        ours,
        peer,
        ratio,
        bar: format!("at least {bar}"),
        ok: ratio >= bar,
    }
}

/// A row whose ratio of medians must be at most `bar`.
fn at_most(name: impl Into<String>, ours: Figure, peer: Figure, bar: f64) -> Row {
    let ratio = ours.median / peer.median;
    Row {
        name: name.into(),
        ours,
        peer,
        ratio,
        bar: format!("at most {bar}"),
        ok: ratio <= bar,
    }
}

/// A row that is held against a number instead of a peer: the p99 where there is one, else the median.
fn below(name: impl Into<String>, ours: Figure, limit: f64) -> Row {
    let judged = ours.p99.unwrap_or(ours.median);
    let ratio = judged / limit;
    let peer = Figure {
        name: Some("the limit"),
        median: limit,
        p99: None,
        n: 1,
        unit: ours.unit,
    };
    Row {
        name: name.into(),
        ours,
        peer,
        ratio,
        bar: "at most 1".into(),
        ok: ratio <= 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::figure;

    #[test]
    fn what_was_not_measured_reaches_no_bar() {
        let row = unmeasured("x", &Failure::new(1, "no root", "be root"));
        assert!(!row.ok && row.ratio.is_nan());
        let json = serde_json::to_value(&row).unwrap();
        assert!(json["ratio"].is_null(), "{json}");
        assert_eq!(row.name, "x: not measured: no root; be root");
    }

    #[test]
    fn a_limit_is_held_against_the_p99_where_there_is_one() {
        let many = figure(None, (1..=200).map(f64::from).collect(), "ms");
        let few = figure(None, vec![1.0, 2.0, 9.0], "ms");
        for (figure, limit, ok) in [
            (many.clone(), 198.0, true),
            (many, 197.0, false),
            (few.clone(), 2.0, true),
            (few, 1.5, false),
        ] {
            assert_eq!(below("x", figure, limit).ok, ok, "{limit}");
        }
    }

    #[test]
    fn ratios_are_of_the_medians() {
        let one = |median: f64| figure(None, vec![median], "x");
        assert!(at_least("x", one(3.0), one(2.0), 1.5).ok);
        assert!(!at_least("x", one(2.9), one(2.0), 1.5).ok);
        assert!(at_most("x", one(20.0), one(2.0), 10.0).ok);
        assert!(!at_most("x", one(20.1), one(2.0), 10.0).ok);
    }
}
