//! Owns the child and every request: starts, feeds, restarts and ends it.

use std::{collections::BTreeMap, future::pending};

use edgecoder_protocol::generation::ModelCard;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Ask, InFlight,
    child::{Child, Event},
};
use crate::{
    Config, InferenceError,
    wire::{Command, Load, Report},
};

/// Children that may die with a request before it is given up.
const DEATHS_MAX: u32 = 2;

/// The wait before a child is started again doubles from here with each death in a row,
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// up to here.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A deadline is looked at between two steps. A step of a large model on a slow machine takes seconds;
/// a child this long past a deadline is stuck.
const OVERDUE_MAX: Duration = Duration::from_secs(120);

/// How often deadlines are looked at,
const TICK: Duration = Duration::from_millis(100);
/// and idleness.
const TICK_IDLE: Duration = Duration::from_secs(1);

type CardReply = oneshot::Sender<Result<ModelCard, InferenceError>>;

/// The state behind a [`super::Llama`].
pub struct Actor {
    config: Config,
    pid: watch::Sender<Option<u32>>,
    child: Option<Child>,
    card: Option<ModelCard>,
    has_hash: bool,
    requests: BTreeMap<u64, InFlight>,
    card_asks: Vec<CardReply>,
    deaths: u32,
    start_at: Instant,
    busy_at: Instant,
}

impl Actor {
    pub fn new(config: Config, pid: watch::Sender<Option<u32>>) -> Self {
        let now = Instant::now();
        Self {
            config,
            pid,
            child: None,
            card: None,
            has_hash: false,
            requests: BTreeMap::new(),
            card_asks: Vec::new(),
            deaths: 0,
            start_at: now,
            busy_at: now,
        }
    }

    pub async fn run(mut self, mut inbox: mpsc::Receiver<Ask>, stop: CancellationToken) {
        loop {
            let tick = Instant::now() + if self.is_idle() { TICK_IDLE } else { TICK };
            let is_resting = self.child.is_none() && self.is_idle();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = next_event(&mut self.child) => self.on_event(event).await,
                ask = inbox.recv() => match ask {
                    Some(ask) => self.on_ask(ask).await,
                    None => break,
                },
                () = sleep_until(tick), if !is_resting => self.on_tick().await,
            }
            self.start_if_needed().await;
        }
        inbox.close();
        self.fail_all(|| InferenceError::Stopped);
        if let Some(child) = self.child.take() {
            child.stop().await;
        }
        self.pid.send_replace(None);
    }

    fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.card_asks.is_empty()
    }

    async fn on_ask(&mut self, ask: Ask) {
        self.busy_at = Instant::now();
        match ask {
            Ask::Generate(flight) => {
                let id = flight.id;
                self.requests.insert(id, *flight);
                self.send(id).await;
            }
            Ask::Cancel { id } => self.cancel(id).await,
            Ask::Card { reply } => {
                self.card_asks.retain(|ask| !ask.is_closed());
                self.card_asks.push(reply);
                self.answer_cards();
            }
        }
    }

    async fn cancel(&mut self, id: u64) {
        match (self.requests.get(&id), &mut self.child) {
            (Some(flight), Some(child)) if flight.is_sent => {
                // A command this short is never refused.
                child.tell(&Command::Cancel { id }).await.ok();
            }
            _ => self.answer(id, Err(InferenceError::Cancelled)),
        }
    }

    fn answer(
        &mut self,
        id: u64,
        answer: Result<edgecoder_protocol::generation::Generation, InferenceError>,
    ) {
        if let Some(flight) = self.requests.remove(&id) {
            flight.answer(answer);
        }
    }

    /// Sends a request to the child, if that has loaded its model.
    async fn send(&mut self, id: u64) {
        let Some(child) = self.child.as_mut().filter(|child| child.is_loaded) else {
            return;
        };
        let Some(flight) = self.requests.get_mut(&id).filter(|flight| !flight.is_sent) else {
            return;
        };
        let left = flight.deadline.saturating_duration_since(Instant::now());
        let mut request = flight.request.clone();
        request.deadline_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let command = Command::Generate {
            id,
            request,
            stream: flight.feed.is_some(),
        };
        flight.is_sent = true;
        if let Err(error) = child.tell(&command).await {
            self.answer(
                id,
                Err(InferenceError::Refused {
                    why: error.to_string(),
                }),
            );
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Said(report) => self.on_report(report).await,
            Event::Ended(how) => self.on_end(how),
        }
    }

    async fn on_report(&mut self, report: Report) {
        match report {
            Report::Loaded(card) => {
                info!(model = %card.name, parameters = card.parameters, "model loaded");
                // The hash is often known before the model is.
                let hash = self
                    .card
                    .take()
                    .filter(|_| self.has_hash)
                    .map(|early| early.hash);
                self.card = Some(ModelCard {
                    hash: hash.unwrap_or(card.hash),
                    ..card
                });
                if let Some(child) = &mut self.child {
                    child.is_loaded = true;
                }
                for id in self.requests.keys().copied().collect::<Vec<_>>() {
                    self.send(id).await;
                }
                self.answer_cards();
            }
            Report::Hashed(hash) => {
                self.has_hash = true;
                self.card.get_or_insert_with(|| blank_card(hash)).hash = hash;
                self.answer_cards();
            }
            Report::Unusable { why } => self.on_unusable(why),
            Report::Written { id, pieces } => {
                if let Some(feed) = self
                    .requests
                    .get(&id)
                    .and_then(|flight| flight.feed.as_ref())
                {
                    feed.push(pieces);
                }
            }
            Report::Done { id, generation } => {
                self.busy_at = Instant::now();
                self.deaths = 0;
                self.answer(id, Ok(generation));
            }
            Report::Refused { id, why } => self.answer(id, Err(InferenceError::Refused { why })),
        }
    }

    fn on_unusable(&mut self, why: String) {
        warn!(%why, "model refused");
        let path = self.config.model.path.clone();
        self.drop_child();
        let is_missing = !path.exists();
        self.fail_all(|| match is_missing {
            true => InferenceError::NoModel { path: path.clone() },
            false => InferenceError::BadModel {
                path: path.clone(),
                why: why.clone(),
            },
        });
    }

    /// The child died. What can be begun again waits for the next one.
    fn on_end(&mut self, how: String) {
        self.drop_child();
        self.deaths += 1;
        let doublings = self.deaths.saturating_sub(1).min(16);
        let wait = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
        self.start_at = Instant::now() + wait;
        warn!(%how, deaths = self.deaths, "inference process died");
        let path = self.config.model.path.clone();
        let died = || InferenceError::ChildDied {
            path: path.clone(),
            how: how.clone(),
        };
        for (id, mut flight) in std::mem::take(&mut self.requests) {
            flight.deaths += 1;
            flight.is_sent = false;
            let has_begun = flight.feed.as_ref().is_some_and(|feed| feed.has_begun());
            // Text that was shown cannot be taken back, so such a request is not tried again.
            if has_begun || flight.deaths >= DEATHS_MAX {
                flight.answer(Err(died()));
            } else {
                self.requests.insert(id, flight);
            }
        }
        if self.deaths >= DEATHS_MAX {
            // The asker may have gone; then nobody needs the answer.
            self.card_asks
                .drain(..)
                .for_each(|reply| drop(reply.send(Err(died()))));
        }
    }

    fn drop_child(&mut self) {
        self.child = None;
        self.card = None;
        self.has_hash = false;
        self.pid.send_replace(None);
    }

    fn answer_cards(&mut self) {
        let is_loaded = self.child.as_ref().is_some_and(|child| child.is_loaded);
        if let Some(card) = self.card.as_ref().filter(|_| is_loaded && self.has_hash) {
            // The asker may have gone; then nobody needs the answer.
            self.card_asks
                .drain(..)
                .for_each(|reply| drop(reply.send(Ok(card.clone()))));
        }
    }

    fn fail_all(&mut self, error: impl Fn() -> InferenceError) {
        for (_, flight) in std::mem::take(&mut self.requests) {
            flight.answer(Err(error()));
        }
        // The asker may have gone; then nobody needs the answer.
        self.card_asks
            .drain(..)
            .for_each(|reply| drop(reply.send(Err(error()))));
    }

    async fn on_tick(&mut self) {
        let now = Instant::now();
        let late: Vec<u64> = self
            .requests
            .values()
            .filter(|flight| !flight.is_sent && flight.deadline <= now)
            .map(|flight| flight.id)
            .collect();
        late.into_iter()
            .for_each(|id| self.answer(id, Err(InferenceError::Late)));
        let is_stuck = self
            .requests
            .values()
            .any(|flight| flight.is_sent && flight.deadline + OVERDUE_MAX <= now);
        if let Some(child) = self.child.as_ref().filter(|_| is_stuck) {
            warn!("inference process is stuck");
            child.kill();
        }
        let is_unused = |idle_max| self.is_idle() && now.duration_since(self.busy_at) >= idle_max;
        if self.config.idle_max.is_some_and(is_unused)
            && let Some(child) = self.child.take()
        {
            debug!("model unloaded, it was not used");
            child.stop().await;
            self.drop_child();
        }
    }

    async fn start_if_needed(&mut self) {
        if self.child.is_some() || self.is_idle() || Instant::now() < self.start_at {
            return;
        }
        let child = match Child::start(&self.config.worker).await {
            Ok(child) => child,
            Err(source) => {
                let program = self.config.worker.path.clone();
                let again = |source: &std::io::Error| {
                    std::io::Error::new(source.kind(), source.to_string())
                };
                self.fail_all(|| InferenceError::Start {
                    program: program.clone(),
                    source: again(&source),
                });
                return;
            }
        };
        self.pid.send_replace(Some(child.pid));
        let child = self.child.insert(child);
        let Some(path) = self.config.model.path.to_str().map(str::to_owned) else {
            self.on_unusable("its path is not UTF-8".into());
            return;
        };
        let load = Load {
            path,
            threads: self.config.threads,
            context: self.config.context,
            batch: self.config.batch,
            size_max: self.config.size_max.0,
        };
        // A path too long for a frame is too long for the system.
        if child.tell(&Command::Load(load)).await.is_err() {
            self.on_unusable("its path is too long".into());
        }
    }
}

/// Holds an early hash until the model is loaded.
fn blank_card(hash: edgecoder_protocol::ids::Hash) -> ModelCard {
    ModelCard {
        name: String::new(),
        hash,
        size: edgecoder_protocol::units::Bytes(0),
        parameters: 0,
        context: 0,
        prompt_style: String::new(),
        decline_below: None,
        sample_temperature: None,
    }
}

async fn next_event(child: &mut Option<Child>) -> Event {
    match child {
        Some(child) => child.event().await,
        None => pending().await,
    }
}
