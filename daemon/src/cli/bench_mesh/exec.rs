//! An execution in a network of three daemons over TCP (a coordinator, to which it is given, and two workers) against
//! the same at home, by the same daemon. In the network it runs twice, by a worker and by its checker, who must agree.

use std::collections::BTreeMap;

use edgecoder_protocol::{
    RelPath,
    operator::{Blob, ExecRequest, Files},
    task::PrivacyClass,
};
use tokio::task::JoinSet;

use super::{
    at_least, at_most,
    daemons::{Daemons, run},
};
use crate::cli::{
    Place,
    bench::{Row, SET, TRIVIAL, clock, figure, odd},
    client::Client,
    eval::parse_tasks,
    failure::Failure,
};

/// Samples of one execution: enough for a p99.
const RUNS: usize = 200;
/// Rounds over the whole program set.
const ROUNDS: usize = 5;
/// Executions under way at a time, at home and in the network: more than the machine has places for, so that none of
/// them is ever idle.
const UNDER_WAY: usize = 16;

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let mut daemons = Daemons::found(at, "agent,coordinator", "").await?;
    for _ in 0..2 {
        daemons.join("worker", "").await?;
    }
    let client = daemons.founder().client()?;
    let set = set()?;
    // Warms every sandbox, and each node's connections to the others.
    for class in [PrivacyClass::Local, PrivacyClass::Mesh] {
        rate(&client, &set, class, UNDER_WAY).await?;
    }
    Ok(vec![latency(&client).await?, rates(&client, &set).await?])
}

/// The repository's own programs, each as a request that judges it.
pub fn set() -> Result<Vec<ExecRequest>, Failure> {
    let tasks = parse_tasks(SET).map_err(|error| odd(&error))?;
    let requests = tasks.iter().map(|task| task.request(task.canonical()));
    requests.collect()
}

fn trivial() -> Result<ExecRequest, Failure> {
    let entry = RelPath::new("main.py").map_err(|error| odd(&error))?;
    let code = Blob(TRIVIAL.as_bytes().to_vec());
    Ok(ExecRequest {
        files: Files(BTreeMap::from([(entry.clone(), code)])),
        entry,
        tests: None,
        stdin: Blob::default(),
        seed: 0,
        limits: None,
        bundle: false,
        privacy: PrivacyClass::Local,
    })
}

async fn latency(client: &Client) -> Result<Row, Failure> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    let home = trivial()?;
    let away = ExecRequest {
        privacy: PrivacyClass::Mesh,
        ..home.clone()
    };
    for _ in 0..RUNS {
        for (request, samples) in [(&away, &mut ours), (&home, &mut peer)] {
            let began = clock();
            run(client, request).await?;
            samples.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    let ours = figure(None, ours, "ms");
    let peer = figure(Some("the same at home"), peer, "ms");
    let name = "a trivial execution, checked, two workers";
    Ok(at_most(name, ours, peer, 10.0))
}

async fn rates(client: &Client, set: &[ExecRequest]) -> Result<Row, Failure> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(client, set, PrivacyClass::Mesh, UNDER_WAY).await?);
        // Each twice: half of what the cores do once.
        peer.push(rate(client, set, PrivacyClass::Local, UNDER_WAY).await? / 2.0);
    }
    let ours = figure(None, ours, "tasks/s");
    let peer = figure(Some("the cores at home, each twice"), peer, "tasks/s");
    let name = format!("{} executions, checked, two workers", set.len());
    Ok(at_least(name, ours, peer, 0.5))
}

/// Executions a second, `under_way` at a time.
pub async fn rate(
    client: &Client,
    set: &[ExecRequest],
    class: PrivacyClass,
    under_way: usize,
) -> Result<f64, Failure> {
    let began = clock();
    let mut running = JoinSet::new();
    for request in set {
        if running.len() >= under_way {
            finished(running.join_next().await)?;
        }
        let client = client.clone();
        let request = ExecRequest {
            privacy: class,
            ..request.clone()
        };
        running.spawn(async move { run(&client, &request).await });
    }
    while !running.is_empty() {
        finished(running.join_next().await)?;
    }
    Ok(set.len() as f64 / began.elapsed().as_secs_f64())
}

fn finished(
    joined: Option<Result<Result<(), Failure>, tokio::task::JoinError>>,
) -> Result<(), Failure> {
    match joined {
        None => Ok(()),
        Some(joined) => joined.map_err(|error| odd(&error))?,
    }
}
