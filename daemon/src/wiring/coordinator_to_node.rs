//! The coordinator's outside is this node: its mesh, contents, sandbox, models and database.

use std::{sync::Arc, time::Duration};

use edgecoder_agent::decomposition;
use edgecoder_coordinator::{Coordinator, Ground, Need, PeerAsk, Ports, Settings};
use edgecoder_mesh::{Offence, PublishError};
use edgecoder_node_store::{Store, TreeName};
use edgecoder_protocol::{
    Millis, PeerId, Signed, TaskId, Tokens,
    generation::{GenerateRequest, Sampling},
    operator::{Blob, ErrorKind, ErrorObject, ExecAnswer, TaskRequest},
    plan::STEPS_MAX,
    wire::{Held, Request, Response, Sealed},
    work::{CapabilityToken, ContentRef, Job},
};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::mesh::{
    Hub, JoinError, Opened, SlotModel, baseline, evidence, execution_of, from_job, work_topic,
};

/// The setting that counts this coordinator's starts.
const TERM: &[u8] = b"coordinator-term";
/// Tokens of a plan's text.
const PLAN_TOKENS: Tokens = Tokens(2_048);
/// How long a model may take to plan.
const PLAN_MS: u64 = 60_000;

/// Starts this node's coordinator over the records that its last start left.
///
/// # Errors
/// [`JoinError`] when they cannot be read, or the new term cannot be made durable.
pub async fn start_coordinator(
    hub: &Arc<Hub>,
    store: Store,
    stop: CancellationToken,
) -> Result<(Coordinator, JoinHandle<()>), JoinError> {
    let opened = {
        let store = store.clone();
        spawn_blocking(move || {
            let last: Option<u64> = store.get(TreeName::Settings, TERM)?;
            let term = last.unwrap_or(0) + 1;
            store.put(TreeName::Settings, TERM, &term)?;
            // Before anything is lent under it: a term is never given twice.
            store.sync()?;
            let stored: Vec<Blob> = store.list(TreeName::Coordinated, b"", usize::MAX)?;
            let stored = stored.into_iter().map(|record| record.0).collect();
            Ok::<_, edgecoder_node_store::StoreError>((term, stored))
        })
    };
    let (term, stored) = opened
        .await
        .map_err(|error| JoinError::Key(error.to_string()))??;
    let settings = Settings {
        genesis: hub.genesis.clone(),
        key: hub.key().clone(),
        open: hub.open_key(),
        term,
        stored,
    };
    let outside = Outside {
        hub: hub.clone(),
        store,
    };
    Ok(Coordinator::start(settings, outside, stop)?)
}

struct Outside {
    hub: Arc<Hub>,
    store: Store,
}

fn internal(error: &dyn std::fmt::Display) -> ErrorObject {
    let next = "check free space and permissions of the coordinator's data folder";
    ErrorObject::new(ErrorKind::Internal, error.to_string(), next)
}

impl Ports for Outside {
    fn now(&self) -> Millis {
        self.hub.now()
    }

    fn random(&self, into: &mut [u8]) {
        self.hub.random(into);
    }

    async fn ask(
        &self,
        peer: PeerId,
        request: Request,
        within: Duration,
    ) -> Result<Response, PeerAsk> {
        self.hub.ask(peer, request, within).await.map_err(PeerAsk)
    }

    async fn load(&self, sealed: &Sealed, from: PeerId) -> Result<Vec<u8>, ErrorObject> {
        self.hub.contents.load(sealed, Some(from)).await
    }

    async fn keep(&self, bytes: Vec<u8>) -> Result<ContentRef, ErrorObject> {
        self.hub.contents.keep(bytes).await
    }

    async fn baseline(&self, job: &Job) -> Result<(), ErrorObject> {
        match job {
            Job::Exec(_) => Ok(()),
            Job::Solve(task) => baseline(&self.hub.executor.for_others(), task).await,
        }
    }

    async fn plan(
        &self,
        task: &TaskRequest,
        slot: PeerId,
        token: Signed<CapabilityToken>,
    ) -> Result<Option<String>, ErrorObject> {
        let model = SlotModel {
            hub: self.hub.clone(),
            slot,
            token,
        };
        let card = model.card().await?;
        let Some(messages) =
            decomposition(&card.prompt_style, &task.prompt, &names(task), STEPS_MAX)
        else {
            return Ok(None);
        };
        let request = GenerateRequest {
            messages,
            prefix: String::new(),
            candidates: 1,
            sampling: Sampling {
                temperature: 0.0,
                top_p: 1.0,
                seed: 0,
            },
            budget: PLAN_TOKENS,
            answer_max: PLAN_TOKENS,
            deadline_ms: PLAN_MS,
        };
        let generation = model.generation(request).await?;
        Ok(generation.candidates.into_iter().next().map(|one| one.text))
    }

    async fn rerun(&self, ground: Ground) -> Result<ExecAnswer, ErrorObject> {
        let opened = opened(ground)?;
        self.hub
            .executor
            .for_others()
            .run(execution_of(&opened).await?, false)
            .await
    }

    async fn announce(&self, needs: Vec<Need>) {
        for need in needs {
            for language in &need.languages {
                let topic = work_topic(self.hub.network, language, need.own_model);
                // The moment makes each announcement another message.
                let body = self.hub.now().0.to_le_bytes().to_vec();
                match self.hub.mesh.publish(&topic, body).await {
                    // Nobody listens, or gossip is off: whoever comes polls first.
                    Ok(()) | Err(PublishError::NoPeers | PublishError::Off) => {}
                    Err(error) => tracing::warn!(%error, "work was not announced"),
                }
                // A worker of this node hears it without gossip.
                self.hub.wake();
            }
        }
    }

    async fn convict(&self, liar: PeerId, held: Held, ground: Ground, report: Vec<u8>) {
        let kept = async {
            let opened = opened(ground)?;
            let run = serde_json::from_slice(&report).map_err(|error| internal(&error))?;
            evidence::keep(&self.hub, liar, held, &opened, &run).await
        };
        match kept.await {
            Ok(path) => tracing::info!(peer = %liar, path = %path.display(), "evidence is kept"),
            Err(error) => {
                tracing::warn!(peer = %liar, error = %error.message, "evidence could not be kept");
            }
        }
        self.hub.mesh.penalise(liar, Offence::BadSignature).await;
    }

    async fn penalise(&self, peer: PeerId) {
        self.hub.mesh.penalise(peer, Offence::Malformed).await;
    }

    async fn store(&self, task: TaskId, record: Vec<u8>) -> Result<(), ErrorObject> {
        let store = self.store.clone();
        let put = spawn_blocking(move || {
            store.put(TreeName::Coordinated, &task.0, &Blob(record))?;
            store.sync()
        });
        put.await
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))
    }

    async fn unstore(&self, task: TaskId) {
        let store = self.store.clone();
        let removed = spawn_blocking(move || store.remove(TreeName::Coordinated, &task.0)).await;
        // What is left is an ended task, which is removed at a later start.
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%task, %error, "a record was not removed"),
            Err(error) => tracing::warn!(%task, %error, "a record was not removed"),
        }
    }
}

fn opened(ground: Ground) -> Result<Opened, ErrorObject> {
    from_job(
        ground.job,
        ground.plan.as_deref(),
        ground.step,
        ground.answers,
        ground.answer,
    )
}

fn names(task: &TaskRequest) -> Vec<String> {
    let mut names: Vec<String> = task
        .files
        .0
        .keys()
        .map(|path| path.as_str().to_owned())
        .collect();
    names.push(task.solution.as_str().to_owned());
    names
}
