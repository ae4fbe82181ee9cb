//! The handle on a node's part in the council, cheap to clone: what it answers to others, what is submitted here, and
//! what it knows.

use std::{collections::BTreeSet, sync::Arc};

use edgecoder_node_store::LedgerLog;
use edgecoder_protocol::{
    Hash, PeerId, Signed,
    ledger::{
        chain::Chain,
        duty::{Duty, Renewal},
        entry::{Body, Entry},
    },
    network::Genesis,
    wire::{CouncilAnswer, CouncilAsk, CouncilReply, CouncilWord},
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Held, Mail, duties};
use crate::{Machine, NotTaken, Part, engine::ConsensusEngine};

/// Where an entry stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its block's height.
    pub height: u64,
    /// Entries before it.
    pub index: u64,
    /// Its leaf.
    pub leaf: Hash,
}

/// Why an entry is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It was not taken in.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// Its signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// The council's part of this node has ended.
    #[error("the ledger of this node has stopped: `edgecoder council status` says why")]
    Stopped,
}

/// What is known at a moment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    /// The chain.
    pub chain: Chain,
    /// How this node takes part.
    pub part: Part,
    /// Entries that wait.
    pub waiting: usize,
    /// Syncs of the vote log since the start.
    pub vote_syncs: u64,
    /// Syncs of the ledger since the start.
    pub ledger_syncs: u64,
    /// Members that signed twice.
    pub guilty: Arc<BTreeSet<PeerId>>,
    /// What was mended at the start.
    pub mended: Arc<Vec<String>>,
}

impl View {
    /// Whether `peer` votes on the next block.
    pub fn is_member(&self, peer: &PeerId) -> bool {
        let members = self.chain.deciders();
        members.is_some_and(|members| members.contains(peer))
    }

    /// At the start.
    pub(super) fn of<E: ConsensusEngine>(machine: &Machine<E>, mended: &[String]) -> Self {
        Self {
            chain: machine.chain().clone(),
            part: machine.part().clone(),
            waiting: machine.waiting(),
            vote_syncs: 0,
            ledger_syncs: 0,
            guilty: Arc::default(),
            mended: Arc::new(mended.to_vec()),
        }
    }
}

/// The handle.
#[derive(Clone)]
pub struct Council {
    me: PeerId,
    genesis: Arc<Genesis>,
    mailbox: mpsc::Sender<Mail>,
    view: watch::Receiver<View>,
    ledger: LedgerLog,
    duties: duties::Handle,
}

impl Council {
    pub(super) fn new(
        me: PeerId,
        genesis: Genesis,
        mailbox: mpsc::Sender<Mail>,
        view: watch::Receiver<View>,
        ledger: LedgerLog,
        duties: duties::Handle,
    ) -> Self {
        Self {
            me,
            genesis: Arc::new(genesis),
            mailbox,
            view,
            ledger,
            duties,
        }
    }

    /// Who this node is.
    pub fn me(&self) -> PeerId {
        self.me
    }

    /// What is known now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Changes of the chain, of this node's part and of who is guilty. Counts change without a word.
    pub fn watch(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// What the network was founded with.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Blocks, tiles and notes.
    pub fn ledger(&self) -> &LedgerLog {
        &self.ledger
    }

    /// A peer is so far.
    pub async fn is_at(&self, peer: PeerId, height: u64) {
        if peer != self.me && height > self.view.borrow().chain.height() {
            // A council that has stopped follows nobody.
            self.mailbox.send(Mail::IsAt(peer, height)).await.ok();
        }
    }

    /// Asks a peer how far it is, and follows it there; whether it answered.
    pub async fn look(&self, peer: PeerId) -> bool {
        let (reply, answer) = oneshot::channel();
        // A council that has stopped follows nobody: the channel's end says so.
        self.mailbox.send(Mail::Look(peer, reply)).await.ok();
        answer.await.unwrap_or(false)
    }

    /// Submits an entry; returns when it is in the log. Dropping the future does not take it back.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit(&self, entry: Signed<Entry>) -> Result<Placed, SubmitError> {
        let checked = entry.checked().map_err(|_| SubmitError::Signature)?;
        self.send(|reply| Mail::Submit(Box::new(checked), reply))
            .await
    }

    /// Has this node say something in the log; returns when it is there. Dropping the future does not take it back.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn say(&self, body: Body) -> Result<Placed, SubmitError> {
        self.send(|reply| Mail::Originate(Box::new(body), reply))
            .await
    }

    /// Has this node say something in the log; returns when it waits for a block.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn enter(&self, body: Body) -> Result<(), SubmitError> {
        match self.enter_all(vec![body]).await {
            (_, None) => Ok(()),
            (_, Some(error)) => Err(error),
        }
    }

    /// Has this node say all of that in the log, in this order and in as few blocks as it fits. Returns when it waits
    /// for a block: with what does not, and why the first of that does not.
    pub async fn enter_all(&self, bodies: Vec<Body>) -> (Vec<Body>, Option<SubmitError>) {
        let (reply, answer) = oneshot::channel();
        let stopped = |bodies| (bodies, Some(SubmitError::Stopped));
        if let Err(unsent) = self.mailbox.send(Mail::Enter(bodies, reply)).await {
            return match unsent.0 {
                Mail::Enter(bodies, _) => stopped(bodies),
                _ => stopped(Vec::new()),
            };
        }
        match answer.await {
            Ok((left, why)) => (left, why.map(SubmitError::from)),
            Err(_) => stopped(Vec::new()),
        }
    }

    /// Which duties this node has, with their terms, and changes of that.
    pub fn held(&self) -> watch::Receiver<Held> {
        self.duties.held.clone()
    }

    /// A quorum's renewals of a duty that this node has: proof for whoever is to act on its orders.
    pub async fn lease_proof(&self, duty: Duty) -> Option<Vec<Signed<Renewal>>> {
        let (reply, answer) = oneshot::channel();
        let mail = duties::Mail::Proof(duty, reply);
        self.duties.mailbox.send(mail).await.ok()?;
        answer.await.ok()?
    }

    /// Gives all duties back, and takes no more; returns when the log says so, or the council has stopped.
    pub async fn drain(&self) {
        let (reply, done) = oneshot::channel();
        // A council that has stopped has no duties: the channel's end says so.
        self.duties
            .mailbox
            .send(duties::Mail::Drain(reply))
            .await
            .ok();
        done.await.ok();
    }

    /// What this node answers to `from`.
    pub async fn answer(&self, from: PeerId, ask: CouncilAsk) -> CouncilAnswer {
        let reply = self.reply(from, ask).await;
        let height = self.view.borrow().chain.height();
        CouncilAnswer { height, reply }
    }

    /// Hears what a member says on a line; what is to be said to it on the other one. Waits where the council does, which
    /// holds up the words that follow.
    pub async fn hear(&self, from: PeerId, word: CouncilWord) -> Option<CouncilWord> {
        match word {
            CouncilWord::Tell(ask) => {
                self.reply(from, ask).await;
                None
            }
            CouncilWord::Ask(id, ask) => {
                let answer = self.answer(from, ask).await;
                Some(CouncilWord::Answer(id, answer))
            }
            CouncilWord::Answer(id, answer) => {
                if answer.height > self.view.borrow().chain.height() {
                    // A lease does not wait for a disk: with a full mailbox, the next answer tells.
                    let mail = Mail::IsAt(from, answer.height);
                    self.mailbox.try_send(mail).ok();
                }
                if let CouncilReply::Duty(answer) = answer.reply {
                    let mail = duties::Mail::Answer(from, id, answer);
                    // As above: the channel's end says that it has stopped.
                    self.duties.mailbox.send(mail).await.ok();
                }
                None
            }
        }
    }

    async fn reply(&self, from: PeerId, ask: CouncilAsk) -> CouncilReply {
        let refused = |why: &str| CouncilReply::Refused(why.into());
        let is_member = || self.view.borrow().is_member(&from);
        match ask {
            CouncilAsk::Say(said) if is_member() => {
                match self.mailbox.send(Mail::Said(from, said)).await {
                    Ok(()) => CouncilReply::Heard,
                    Err(_) => refused("this node's ledger has stopped"),
                }
            }
            CouncilAsk::Relay(entries) if is_member() => {
                let checked = entries.into_iter().filter_map(|one| one.checked().ok());
                match self.mailbox.send(Mail::Relayed(checked.collect())).await {
                    Ok(()) => CouncilReply::Heard,
                    Err(_) => refused("this node's ledger has stopped"),
                }
            }
            CouncilAsk::Duty(ask) if is_member() => {
                let (reply, answer) = oneshot::channel();
                // As above: the channel's end says that it has stopped.
                self.duties
                    .mailbox
                    .send(duties::Mail::Ask(from, ask, reply))
                    .await
                    .ok();
                match answer.await {
                    Ok(answer) => CouncilReply::Duty(Box::new(answer)),
                    Err(_) => refused("this node has no duties"),
                }
            }
            CouncilAsk::Tell(tell) if is_member() => {
                self.duties
                    .mailbox
                    .send(duties::Mail::Tell(from, tell))
                    .await
                    .ok();
                CouncilReply::Heard
            }
            CouncilAsk::Say(_)
            | CouncilAsk::Relay(_)
            | CouncilAsk::Duty(_)
            | CouncilAsk::Tell(_) => refused("that is among members"),
            CouncilAsk::Submit(entry) => {
                let Ok(checked) = entry.checked() else {
                    return refused("its signature does not hold");
                };
                match self
                    .send(|reply| Mail::Take(Box::new(checked), reply))
                    .await
                {
                    Ok(leaf) | Err(SubmitError::NotTaken(NotTaken::Known(leaf))) => {
                        CouncilReply::Taken(leaf)
                    }
                    Err(error) => CouncilReply::Refused(error.to_string()),
                }
            }
            CouncilAsk::Recall => {
                let (reply, answer) = oneshot::channel();
                // A council that has stopped holds nothing: the channel's end says so.
                self.mailbox.send(Mail::Recall(from, reply)).await.ok();
                match answer.await {
                    Ok(held) => CouncilReply::Held(held.map(Box::new)),
                    Err(_) => refused("this node's ledger has stopped"),
                }
            }
            CouncilAsk::Blocks { .. }
            | CouncilAsk::Way { .. }
            | CouncilAsk::Headers { .. }
            | CouncilAsk::Epoch { .. } => self.past(ask).await,
        }
    }

    async fn send<T>(
        &self,
        mail: impl FnOnce(oneshot::Sender<Result<T, SubmitError>>) -> Mail,
    ) -> Result<T, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.mailbox.send(mail(reply)).await;
        sent.map_err(|_| SubmitError::Stopped)?;
        answer.await.map_err(|_| SubmitError::Stopped)?
    }
}
