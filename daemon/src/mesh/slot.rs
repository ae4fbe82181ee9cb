//! A model's place in the network: asked with leave, answered within the leave's budget. Every leave is checked here.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use edgecoder_agent::{Model, PortError};
use edgecoder_mesh::Service;
use edgecoder_protocol::{
    Millis, PeerId, Signed, Tokens,
    generation::{GenerateRequest, Generation, ModelCard},
    operator::{ErrorKind, ErrorObject},
    wire::{self, INFERENCE_MAX, ModelAnswer, ModelAsk},
    work::{AttemptId, CapabilityToken},
};
use tokio_util::sync::CancellationToken;

use super::{Hub, hub::lock};
use crate::wiring::inference_error;

/// Leaves whose use is remembered; they live minutes. When it is full, further ones are refused.
const LEAVES_MAX: usize = 65_536;
/// How far a token's issue may lie ahead of the time here: clocks are compared over a network.
const AHEAD: Duration = Duration::from_secs(10);
/// How long a model's node may take beyond the request's own deadline.
const SPARE: Duration = Duration::from_secs(5);

/// A leave: who may ask, for what, under which term.
type Leave = (AttemptId, PeerId, u64);

/// What was used of a leave.
#[derive(Clone, Copy, Debug)]
struct Used {
    tokens: Tokens,
    until: Millis,
}

/// This node's model, as others ask it.
#[derive(Debug, Default)]
pub struct Slot {
    used: Mutex<BTreeMap<Leave, Used>>,
}

/// Why a leave is none.
fn refused(message: &str) -> ErrorObject {
    let next = "ask the coordinator for work again: each lease comes with its own leave";
    ErrorObject::new(ErrorKind::Policy, message, next)
}

impl Slot {
    /// A slot of which nothing was used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a leave of `from`, and takes `tokens` of its budget.
    ///
    /// # Errors
    /// [`ErrorObject`] when it is forged, another's, expired, or used up.
    fn take(
        &self,
        hub: &Hub,
        from: PeerId,
        token: &Signed<CapabilityToken>,
        tokens: Tokens,
    ) -> Result<Leave, ErrorObject> {
        let seat = hub.seat();
        let seat = seat.ok_or_else(|| refused("nobody may give leave at the moment"))?;
        let token = token
            .open_by(seat.holder)
            .map_err(|_| refused("the leave is not signed by the coordinator"))?;
        if token.term != seat.term {
            return Err(refused(
                "the leave is of another term than the coordinator's",
            ));
        }
        if token.network != hub.network || token.slot != hub.id {
            return Err(refused("the leave is for another network or another model"));
        }
        if token.caller != from {
            return Err(refused("the leave is another node's"));
        }
        let now = hub.network_time();
        let until = Millis(token.issued.0.saturating_add(u64::from(token.life_ms)));
        if until <= now || token.issued > now.after(AHEAD) {
            return Err(refused("the leave has expired"));
        }
        let leave = (token.attempt, from, token.term);
        let mut used = lock(&self.used);
        if used.len() >= LEAVES_MAX {
            used.retain(|_, one| one.until > now);
        }
        if used.len() >= LEAVES_MAX && !used.contains_key(&leave) {
            return Err(ErrorObject::new(
                ErrorKind::Busy,
                "too many leaves are in use",
                "try again in a minute",
            ));
        }
        let one = used.entry(leave).or_insert(Used {
            tokens: Tokens(0),
            until,
        });
        let after = one.tokens.saturating_add(tokens);
        if after > token.budget {
            return Err(refused("the leave's tokens are used up"));
        }
        one.tokens = after;
        Ok(leave)
    }

    /// Gives back what was taken and not used.
    fn give_back(&self, leave: Leave, tokens: Tokens) {
        if let Some(one) = lock(&self.used).get_mut(&leave) {
            one.tokens = one.tokens.saturating_sub(tokens);
        }
    }
}

/// What the model here answers to `from`.
pub async fn answer(hub: &Arc<Hub>, from: PeerId, ask: ModelAsk) -> ModelAnswer {
    match try_answer(hub, from, ask).await {
        Ok(answer) => answer,
        Err(error) => ModelAnswer::Refused(error),
    }
}

async fn try_answer(
    hub: &Arc<Hub>,
    from: PeerId,
    ask: ModelAsk,
) -> Result<ModelAnswer, ErrorObject> {
    let slot = hub.roles().and_then(|roles| roles.slot.as_ref());
    let slot = slot.ok_or_else(|| refused("this node answers for no model"))?;
    match ask {
        ModelAsk::Card { token } => {
            slot.take(hub, from, &token, Tokens(0))?;
            let card = hub.models.active().await?.card().await;
            Ok(ModelAnswer::Card(Box::new(
                card.map_err(|error| inference_error(&error))?,
            )))
        }
        ModelAsk::Generate { token, request } => {
            // What the provider will not pass by: all answers together, and each.
            let most = request
                .answer_max
                .0
                .saturating_mul(u64::from(request.candidates));
            let asked = Tokens(request.budget.0.min(most));
            let leave = slot.take(hub, from, &token, asked)?;
            let request = GenerateRequest {
                budget: asked,
                ..*request
            };
            let generation = generate(hub, request).await;
            let spent = generation
                .as_ref()
                .map_or(Tokens(0), |one| one.generated_tokens);
            slot.give_back(leave, asked.saturating_sub(spent));
            generation.map(ModelAnswer::Generation)
        }
    }
}

async fn generate(hub: &Hub, request: GenerateRequest) -> Result<Generation, ErrorObject> {
    let provider = hub.models.active().await?;
    let cancel = CancellationToken::new();
    // Dropping this future withdraws the request from the model.
    let _withdraw = cancel.clone().drop_guard();
    let answer = provider.generate(request, None, cancel).await;
    answer.map_err(|error| inference_error(&error))
}

/// The model at a slot, as the agent asks it.
pub struct SlotModel {
    /// The way to it.
    pub hub: Arc<Hub>,
    /// Where it is.
    pub slot: PeerId,
    /// The leave to ask it.
    pub token: Signed<CapabilityToken>,
}

impl SlotModel {
    /// What the model says of itself.
    ///
    /// # Errors
    /// [`ErrorObject`] when it cannot be asked.
    pub async fn card(&self) -> Result<ModelCard, ErrorObject> {
        let token = self.token.clone();
        match self.ask(ModelAsk::Card { token }, SPARE).await? {
            ModelAnswer::Card(card) => Ok(*card),
            other => Err(unexpected(other)),
        }
    }

    /// Answers to a prompt.
    ///
    /// # Errors
    /// [`ErrorObject`] when it cannot be asked.
    pub async fn generation(&self, request: GenerateRequest) -> Result<Generation, ErrorObject> {
        let token = self.token.clone();
        let within = Duration::from_millis(request.deadline_ms).saturating_add(SPARE);
        let request = Box::new(request);
        match self
            .ask(ModelAsk::Generate { token, request }, within)
            .await?
        {
            ModelAnswer::Generation(generation) => Ok(generation),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(&self, ask: ModelAsk, within: Duration) -> Result<ModelAnswer, ErrorObject> {
        if self.slot == self.hub.id {
            return Ok(answer(&self.hub, self.hub.id, ask).await);
        }
        let fault = |message: String| {
            let next = "try again; another slot may be free";
            ErrorObject::new(ErrorKind::NoModel, message, next)
        };
        let body =
            wire::encode::<_, INFERENCE_MAX>(&ask).map_err(|error| fault(error.to_string()))?;
        let answer = self
            .hub
            .mesh
            .request(self.slot, Service::Inference, body, within)
            .await;
        let bytes =
            answer.map_err(|error| fault(format!("the model's node does not answer: {error}")))?;
        wire::decode::<ModelAnswer, INFERENCE_MAX>(&bytes).map_err(|error| fault(error.to_string()))
    }
}

fn unexpected(answer: ModelAnswer) -> ErrorObject {
    match answer {
        ModelAnswer::Refused(error) => error,
        ModelAnswer::Card(_) | ModelAnswer::Generation(_) => ErrorObject::new(
            ErrorKind::NoModel,
            "the model's node answered something else",
            "try again",
        ),
    }
}

impl Model for SlotModel {
    async fn generate(&self, request: GenerateRequest) -> Result<Generation, PortError> {
        self.generation(request)
            .await
            .map_err(crate::wiring::port_error)
    }
}
