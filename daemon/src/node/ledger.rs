//! What a node's handle says of its ledger and council, and what operators decree through it.

use edgecoder_council::{
    Part, Placed, SubmitError, View, read_block, show_entry, show_state, verify,
};
use edgecoder_protocol::{
    Signed, canonical,
    hex::{hex, unhex},
    ledger::{
        block::ENTRIES_MAX,
        chain::Chain,
        consensus::Decided,
        decree::{Approved, LineError},
        duty::Duty,
        entry::{Body, Entry},
        export::{self, Founding},
        light::Anchor,
        merkle,
        shown::ProofFile,
        state::Key,
    },
    operator::{
        BlockView, CouncilPart, CouncilView, DecreeAnswer, DecreeRequest, DutyView, EntriesRequest,
        EntryOutcome, EntryView, ErrorKind, ErrorObject, LedgerReport, LedgerView, MemberView,
        PlacedView, ProofRequest,
    },
};
use edgecoder_trust::now_by;
use tokio::task::spawn_blocking;

use super::NodeHandle;

pub(super) fn bad(message: impl std::fmt::Display, next: &str) -> ErrorObject {
    ErrorObject::new(ErrorKind::BadRequest, message.to_string(), next)
}

fn internal(message: impl std::fmt::Display) -> ErrorObject {
    let next = "`edgecoder ledger verify` says more; restarting the daemon sets damage aside";
    ErrorObject::new(ErrorKind::Internal, message.to_string(), next)
}

impl NodeHandle {
    /// The ledger as this node has it.
    pub fn ledger(&self) -> LedgerView {
        let council = self.council();
        let View {
            chain,
            waiting,
            vote_syncs,
            ledger_syncs,
            mended,
            ..
        } = council.view();
        let supply = chain.state().supply().copied().unwrap_or_default();
        LedgerView {
            schema: "edgecoder/ledger/1".into(),
            network: chain.id(),
            name: council.genesis().name.clone(),
            height: chain.height(),
            entries: chain.size(),
            time: chain.time(),
            head: chain.head_id(),
            anchor: self.anchor(&chain),
            log: chain
                .head()
                .map_or_else(merkle::empty, |head| head.log.hash),
            state: chain.state().root(),
            values: chain.state().len() as u64,
            waiting: waiting as u64,
            issued: supply.issued,
            burned: supply.burned,
            vote_syncs,
            ledger_syncs,
            mended: mended.to_vec(),
        }
    }

    /// What whoever joins now may begin at.
    fn anchor(&self, chain: &Chain) -> String {
        let members = chain.deciders().cloned();
        let anchor = Anchor {
            chain: chain.id(),
            members: members.unwrap_or_else(|| self.council().genesis().members.clone()),
            head: chain.head().cloned(),
            // Before the first block there is nothing that a daemon has seen.
            at: match chain.head() {
                Some(_) => now_by(chain.time(), (self.inner.clock)()),
                None => chain.time(),
            },
        };
        hex(&canonical::encode(&anchor))
    }

    /// Who decides it.
    pub fn council_view(&self) -> CouncilView {
        let view = self.council().view();
        let (part, reason) = part_of(&view.part);
        let members = view.chain.deciders();
        let count = members.map_or(0, |set| set.members().len());
        let me = self.council().me();
        let member = |peer: &edgecoder_protocol::PeerId| MemberView {
            peer: *peer,
            is_here: *peer == me,
            signed_twice: view.guilty.contains(peer),
        };
        let state = view.chain.state();
        let network = state.network();
        CouncilView {
            schema: "edgecoder/council/1".into(),
            part,
            reason,
            members: members
                .map(|set| set.members().iter().map(member).collect())
                .unwrap_or_default(),
            quorum: members.map_or(0, |set| set.quorum() as u32),
            tolerates: members.map_or(0, |set| set.tolerates() as u32),
            warning: warning(count),
            operators: network.map(|one| one.operators.clone()).unwrap_or_default(),
            is_open: network.is_some_and(|one| one.is_open),
            admission: self.admission_rule(),
            own: self.own_standing(),
            duties: [Duty::ControlPlane, Duty::Coordinator(0), Duty::Inference(0)]
                .map(|duty| {
                    let held = state.duty(duty);
                    DutyView {
                        duty: duty.to_string(),
                        holder: held.holder,
                        term: held.term,
                    }
                })
                .to_vec(),
        }
    }

    /// A block.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is none of this height, or it is damaged.
    pub async fn block(&self, height: u64) -> Result<BlockView, ErrorObject> {
        let decided = self.decided(height).await?;
        let next = "`edgecoder ledger status` says how many there are";
        let first = self.council().ledger().first();
        let message = match (1..first).contains(&height) {
            true => format!("the entries of blocks before {first} were pruned here"),
            false => format!("there is no block of height {height}"),
        };
        let decided =
            decided.ok_or_else(|| ErrorObject::new(ErrorKind::NotFound, message, next))?;
        Ok(block_view(&decided))
    }

    async fn decided(&self, height: u64) -> Result<Option<Decided>, ErrorObject> {
        let ledger = self.council().ledger().clone();
        let read = spawn_blocking(move || read_block(&ledger, height)).await;
        read.map_err(internal)?.map_err(internal)
    }

    /// Whether the ledger can be shown from its founding on.
    ///
    /// # Errors
    /// [`ErrorObject`] when entries were pruned.
    pub fn has_all_blocks(&self) -> Result<(), ErrorObject> {
        let ledger = self.council().ledger();
        if ledger.first() == 1 || ledger.tip() == 0 {
            return Ok(());
        }
        let message = "not all blocks are here: entries were pruned";
        let next = "ask a node whose setting `history` is `all`";
        Err(ErrorObject::new(ErrorKind::Conflict, message, next))
    }

    /// Checks everything again.
    ///
    /// # Errors
    /// [`ErrorObject`] when that did not come to an end.
    pub async fn verify_ledger(&self) -> Result<LedgerReport, ErrorObject> {
        let council = self.council();
        let (ledger, genesis) = (council.ledger().clone(), council.genesis().clone());
        let tip = council.view().chain.height();
        let checked = spawn_blocking(move || verify(&ledger, &genesis, tip)).await;
        Ok(report(checked.map_err(internal)?))
    }

    /// A file that shows a part of it to others.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is no such part.
    pub async fn prove(&self, request: ProofRequest) -> Result<ProofFile, ErrorObject> {
        let council = self.council();
        let (ledger, chain) = (council.ledger().clone(), council.view().chain);
        let made = match request {
            ProofRequest::Entry(index) => {
                spawn_blocking(move || show_entry(&ledger, &chain, index))
            }
            ProofRequest::State(key) => {
                let key: Key = key
                    .parse()
                    .map_err(|error| bad(error, "name one of these"))?;
                spawn_blocking(move || show_state(&ledger, &chain, &key))
            }
        };
        let next = "`edgecoder ledger status` says what there is";
        made.await.map_err(internal)?.map_err(|why| bad(why, next))
    }

    /// A line of the exported ledger: the founding for height 0. `None` above the last block.
    ///
    /// # Errors
    /// [`ErrorObject`] when it is damaged.
    pub async fn export_line(&self, height: u64) -> Result<Option<String>, ErrorObject> {
        if height == 0 {
            let genesis = self.council().genesis().clone();
            return Ok(Some(Founding { genesis }.to_string()));
        }
        let decided = self.decided(height).await?;
        Ok(decided.map(|one| {
            let certificate = one.certificate();
            let block = (*one.block.0).clone();
            export::Decided { block, certificate }.to_string()
        }))
    }

    /// Puts entries into the log.
    ///
    /// # Errors
    /// [`ErrorObject`] when the request is malformed; what an entry is refused for is its own outcome.
    pub async fn put_entries(
        &self,
        request: EntriesRequest,
    ) -> Result<Vec<EntryOutcome>, ErrorObject> {
        if request.entries.len() > ENTRIES_MAX {
            let next = format!("send at most {ENTRIES_MAX} at a time");
            return Err(bad("too many entries", &next));
        }
        let read = |text: &String| {
            let bytes = unhex(text).ok_or("not hexadecimal digits".to_owned())?;
            Signed::<Entry>::from_bytes(&bytes).map_err(|error| error.to_string())
        };
        let entries: Result<Vec<_>, String> = request.entries.iter().map(read).collect();
        let entries = entries.map_err(|why| bad(why, "send entries as they were signed"))?;
        let submitted = entries.into_iter().map(|entry| {
            let council = self.council().clone();
            async move { council.submit(entry).await }
        });
        let outcomes = futures::future::join_all(submitted).await;
        let outcome = |one: Result<Placed, SubmitError>| match one {
            Ok(placed) => EntryOutcome::Placed(view_of(placed)),
            Err(error) => EntryOutcome::Refused(error.to_string()),
        };
        Ok(outcomes.into_iter().map(outcome).collect())
    }

    /// What a decree would have to be signed as now.
    ///
    /// # Errors
    /// [`ErrorObject`] when it is none.
    pub fn decree(&self, request: &DecreeRequest) -> Result<DecreeAnswer, ErrorObject> {
        let decree = read(request)?.decree;
        let view = self.council().view();
        let state = view.chain.state();
        Ok(DecreeAnswer {
            version: state.version_of(&decree.order),
            operators: state
                .network()
                .map(|one| one.operators.clone())
                .unwrap_or_default(),
        })
    }

    /// Puts an approved decree into the log.
    ///
    /// # Errors
    /// [`ErrorObject`] when it counts for nothing.
    pub async fn approved(&self, request: &DecreeRequest) -> Result<PlacedView, ErrorObject> {
        let said = self.council().say(Body::Decree(read(request)?)).await;
        said.map(view_of).map_err(|error| refused(&error))
    }
}

pub(super) fn view_of(placed: Placed) -> PlacedView {
    PlacedView {
        height: placed.height,
        index: placed.index,
    }
}

/// Why an entry is not in the log, for a user.
pub(super) fn refused(error: &SubmitError) -> ErrorObject {
    let next = "`edgecoder council status` says how things are now";
    ErrorObject::new(ErrorKind::Policy, error.to_string(), next)
}

fn read(request: &DecreeRequest) -> Result<Approved, ErrorObject> {
    let read = request.line.parse();
    read.map_err(|error: LineError| bad(error, "copy the whole line again"))
}

/// A check's outcome as JSON.
pub fn report(checked: edgecoder_council::Verified) -> LedgerReport {
    LedgerReport {
        schema: "edgecoder/ledger-report/1".into(),
        blocks: checked.blocks,
        entries: checked.entries,
        state: checked.state,
        problem: checked.problem,
    }
}

fn part_of(part: &Part) -> (CouncilPart, Option<String>) {
    match part {
        Part::Follower => (CouncilPart::Follower, None),
        Part::Recalling => (
            CouncilPart::Recalling,
            Some("it asks the other members what it said before its restart".into()),
        ),
        Part::Muted { past } => (
            CouncilPart::Muted,
            Some(format!(
                "its vote log is older than what others hold: it votes again after block {past}"
            )),
        ),
        Part::Member => (CouncilPart::Member, None),
        Part::Broken(why) => (CouncilPart::Broken, Some(why.clone())),
        Part::Frozen(fork) => (
            CouncilPart::Frozen,
            Some(format!(
                "two decisions of one height are known ({fork:?}): ask the network's operators"
            )),
        ),
    }
}

/// What an operator should know of a council of so many.
fn warning(count: usize) -> Option<String> {
    match count {
        1 => Some("a council of one cannot notice that its disk was rolled back, and is down when its node is".into()),
        2 | 3 => Some(format!("a council of {count} needs all of its members up: four tolerate that one is down or lies")),
        _ => None,
    }
}

fn block_view(decided: &Decided) -> BlockView {
    let (block, certificate) = (&decided.block.0, decided.certificate());
    let header = &block.header;
    let first = header.log.size - block.entries.len() as u64;
    let entry = |(index, signed): (u64, &Signed<Entry>)| EntryView {
        index,
        leaf: merkle::leaf(&signed.to_bytes()),
        signer: signed.claimant(),
        nonce: signed.open().map_or(0, |(entry, _)| entry.nonce),
        what: signed.open().map_or_else(
            |error| error.to_string(),
            |(entry, _)| entry.body.to_string(),
        ),
    };
    BlockView {
        height: header.height,
        id: header.id(),
        parent: header.parent,
        time: header.time,
        size: header.log.size,
        log: header.log.hash,
        state: header.state,
        round: certificate.round,
        signers: certificate.signatures.iter().map(|(by, _)| *by).collect(),
        entries: (first..).zip(&block.entries).map(entry).collect(),
    }
}
