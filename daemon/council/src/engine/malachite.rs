//! Tendermint by `arc-malachitebft-core-consensus`, which performs nothing itself either: each of its effects is
//! answered here at once or becomes an output.
//!
//! Its restart call is never used, because a member could sign twice after it: a height is begun again from records. On
//! top of that nothing is signed here that contradicts what was signed before.

use std::{collections::BTreeMap, sync::Arc};

use arc_malachitebft_core_consensus as engine;
use arc_malachitebft_core_types as core;
use core::{
    Round, RoundCertificateType, SignedMessage, Validity, ValueOrigin, ValuePayload,
    VoteExtensionPolicy,
};
use edgecoder_protocol::{
    Hash, NetworkId, PeerId,
    key::NodeKey,
    ledger::{
        block::{Block, Certificate, Stage},
        consensus::{Said, SharedBlock, Shows},
        members::MemberSet,
    },
    signed::{Checked, Signed},
};
use engine::{Effect, Resumable, Resume, SignedConsensusMsg};

use super::{
    ConsensusEngine, EngineError, Equivocation, Input, Output, Record,
    context::{Context, Height, Member, Members, ProposalOf, Timeouts, Value, VoteOf},
    convert::{
        SignedProposal, SignedVote, enough, polka_in, proposal_in, proposal_out, quorum, record_of,
        round_in, timeout_in, timeout_out, vote_in, vote_out, votes_out,
    },
};

type EngineInput = engine::Input<Context>;

/// Tendermint for one member.
pub struct Malachite {
    state: engine::State<Context>,
    signer: Signer,
}

impl std::fmt::Debug for Malachite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (height, round) = (self.state.height(), self.state.round());
        write!(f, "Malachite({height}, {round:?})")
    }
}

/// Signs, and refuses to say two things in one place.
struct Signer {
    key: Arc<NodeKey>,
    context: Context,
    /// What was signed at this height, by round and kind: 0 a proposal, 1 and 2 the votes.
    signed: BTreeMap<(u32, u8), Option<Hash>>,
}

impl Signer {
    fn note(&mut self, round: u32, kind: u8, what: Option<Hash>) -> Result<(), String> {
        match self.signed.insert((round, kind), what) {
            Some(before) if before != what => {
                self.signed.insert((round, kind), before);
                Err(format!("it would sign twice in round {round}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn vote(&mut self, vote: VoteOf) -> Result<SignedVote, String> {
        let said = vote.said(self.context.chain).ok_or("a vote in no round")?;
        self.note(said.round, kind_of(said.stage), said.block)?;
        let signed = Checked::new(said, &self.key);
        Ok(SignedMessage::new(vote, *signed.signature()))
    }

    fn proposal(&mut self, proposal: ProposalOf) -> Result<SignedProposal, String> {
        let said = proposal
            .said(self.context.chain)
            .ok_or("a proposal in no round")?;
        self.note(said.round, 0, Some(said.block))?;
        let signed = Checked::new(said, &self.key);
        Ok(SignedMessage::new(proposal, *signed.signature()))
    }
}

fn kind_of(stage: Stage) -> u8 {
    match stage {
        Stage::Prevote => 1,
        Stage::Precommit => 2,
    }
}

/// What came of one input.
#[derive(Default)]
struct Collected {
    outputs: Vec<Output>,
    is_decided: Option<Certificate>,
    failure: Option<String>,
}

impl Malachite {
    /// For the member that has `key`, in `context`'s network.
    pub fn new(key: Arc<NodeKey>, chain: NetworkId) -> Self {
        let me = Member(key.peer_id());
        let context = Context { chain };
        let params = engine::Params {
            address: me,
            threshold_params: engine::ThresholdParams::default(),
            value_payload: ValuePayload::ProposalOnly,
            enabled: true,
        };
        let nobody = Members(Arc::new(vec![me]));
        // Nothing of other heights reaches it, so its queue for them holds nothing.
        let state = engine::State::new(context.clone(), Height(0), nobody, params, 1, 1);
        Self {
            state,
            signer: Signer {
                key,
                context,
                signed: BTreeMap::new(),
            },
        }
    }

    fn me(&self) -> PeerId {
        self.signer.key.peer_id()
    }

    fn process(&mut self, input: EngineInput) -> Result<Vec<Output>, EngineError> {
        let mut collected = Collected::default();
        let (state, signer) = (&mut self.state, &mut self.signer);
        let result: Result<(), engine::Error<Context>> = engine::process!(
            input: input,
            state: state,
            metrics: &(),
            with: effect => Ok::<_, engine::Error<Context>>(collected.perform(effect, signer))
        );
        if let Some(failure) = collected.failure {
            return Err(EngineError(failure));
        }
        result.map_err(|error| EngineError(error.to_string()))?;
        if let Some(certificate) = collected.is_decided {
            let (_, value) = self
                .state
                .decided_value()
                .ok_or_else(|| EngineError("it decided nothing".into()))?;
            collected.outputs.push(Output::Decided {
                block: value.block,
                certificate,
            });
        }
        Ok(collected.outputs)
    }

    fn input_of(
        &self,
        record: &Record,
        find: &dyn Fn(&Hash) -> Option<Arc<Block>>,
    ) -> Result<EngineInput, EngineError> {
        let block = |id: &Hash| {
            find(id).map(Value::new).ok_or_else(|| {
                EngineError(format!("the vote log names block {id}, and has it not"))
            })
        };
        let forged = || EngineError("a signature in the vote log does not hold".into());
        Ok(match record {
            Record::Proposal(signed) => {
                let signed = signed.clone().checked().map_err(|_| forged())?;
                EngineInput::Proposal(proposal_in(&signed, block(&signed.value().block)?))
            }
            Record::Value { round, block: id } => {
                let value = engine::ProposedValue {
                    height: self.state.height(),
                    round: Round::new(*round),
                    valid_round: Round::Nil,
                    proposer: Member(self.me()),
                    value: block(id)?,
                    validity: Validity::Valid,
                };
                EngineInput::ProposedValue(value, ValueOrigin::Consensus)
            }
            Record::Vote(signed) => {
                let signed = signed.clone().checked().map_err(|_| forged())?;
                EngineInput::Vote(vote_in(&signed))
            }
            Record::Polka(votes) => {
                let checked = votes.iter().cloned().map(Signed::checked);
                let checked: Vec<_> = checked.collect::<Result<_, _>>().map_err(|_| forged())?;
                let certificate = polka_in(&checked);
                EngineInput::PolkaCertificate(
                    certificate
                        .ok_or_else(|| EngineError("an empty polka in the vote log".into()))?,
                )
            }
            Record::TimedOut(timeout) => EngineInput::TimeoutElapsed(timeout_in(*timeout)),
        })
    }

    /// What this member signed itself, by the records.
    fn recall(&mut self, records: &[Record]) -> Result<(), EngineError> {
        self.signer.signed.clear();
        let me = self.me();
        for record in records {
            let noted = match record {
                Record::Vote(vote) => match vote.open_by(me) {
                    Ok(vote) => self
                        .signer
                        .note(vote.round, kind_of(vote.stage), vote.block),
                    Err(_) => Ok(()),
                },
                Record::Proposal(proposal) => match proposal.open_by(me) {
                    Ok(proposal) => self.signer.note(proposal.round, 0, Some(proposal.block)),
                    Err(_) => Ok(()),
                },
                Record::Value { .. } | Record::Polka(_) | Record::TimedOut(_) => Ok(()),
            };
            noted.map_err(EngineError)?;
        }
        Ok(())
    }
}

impl ConsensusEngine for Malachite {
    fn start(
        &mut self,
        height: u64,
        members: &MemberSet,
        records: &[Record],
        blocks: &dyn Fn(&Hash) -> Option<Arc<Block>>,
    ) -> Result<Vec<Output>, EngineError> {
        self.recall(records)?;
        let begin = EngineInput::StartHeight(
            Height(height),
            Members::new(members),
            false,
            None,
            VoteExtensionPolicy::Disabled,
        );
        if records.is_empty() {
            return self.process(begin);
        }
        // The engine's inputs are made at the height that they are of.
        self.state.reset_and_start_height(
            Height(height),
            Members::new(members),
            None,
            VoteExtensionPolicy::Disabled,
        );
        let inputs = records.iter().map(|record| self.input_of(record, blocks));
        let inputs: Vec<EngineInput> = inputs.collect::<Result<_, _>>()?;
        self.state.index_wal_entries(&inputs);
        let mut outputs = self.process(begin)?;
        for input in inputs {
            outputs.extend(self.process(input)?);
        }
        self.state.reset_entries_index();
        let round = self.state.round().as_u32();
        let has_proposed = round.is_some_and(|round| self.signer.signed.contains_key(&(round, 0)));
        outputs.retain(|output| match output {
            Output::Record(record) => !records.contains(record),
            Output::Build { round: asked } => Some(*asked) == round && !has_proposed,
            Output::Say(_)
            | Output::After(..)
            | Output::Cancel(_)
            | Output::CancelAll
            | Output::Decided { .. }
            | Output::Guilty(..) => true,
        });
        Ok(outputs)
    }

    fn handle(&mut self, input: Input) -> Result<Vec<Output>, EngineError> {
        let input = match input {
            Input::Propose { round, block } => {
                if self.signer.signed.contains_key(&(round, 0)) {
                    return Ok(Vec::new());
                }
                let value = engine::LocallyProposedValue::new(
                    self.state.height(),
                    Round::new(round),
                    Value::new(block),
                );
                EngineInput::Propose(value)
            }
            Input::Proposal { proposal, block } => {
                EngineInput::Proposal(proposal_in(&proposal, Value::new(block)))
            }
            Input::Vote(vote) => {
                let vote = vote_in(&vote);
                // The engine would record it each time that it comes.
                if self.state.driver.votes().has_equivocation_evidence(&vote) {
                    return Ok(Vec::new());
                }
                EngineInput::Vote(vote)
            }
            Input::Votes {
                shows: Shows::Polka,
                votes,
            } => match polka_in(&votes) {
                Some(certificate) => EngineInput::PolkaCertificate(certificate),
                None => return Ok(Vec::new()),
            },
            Input::Votes { shows, votes } => match round_in(shows, &votes) {
                Some(certificate) => EngineInput::RoundCertificate(certificate),
                None => return Ok(Vec::new()),
            },
            Input::TimedOut(timeout) => EngineInput::TimeoutElapsed(timeout_in(timeout)),
        };
        self.process(input)
    }
}

impl Collected {
    /// Answers an effect.
    fn perform(&mut self, effect: Effect<Context>, signer: &mut Signer) -> Resume<Context> {
        let chain = signer.context.chain;
        match effect {
            Effect::CancelAllTimeouts(r) => self.put(Output::CancelAll, r),
            Effect::CancelTimeout(timeout, r) => {
                self.put_some(timeout_out(timeout).map(Output::Cancel), r)
            }
            Effect::ScheduleTimeout(timeout, r) => {
                let span = core::Timeouts::<Context>::duration_for(&Timeouts, timeout);
                let after = |timeout| Output::After(timeout, span);
                self.put_some(timeout_out(timeout).map(after), r)
            }
            effect @ (Effect::PublishConsensusMsg(..)
            | Effect::PublishLivenessMsg(..)
            | Effect::RepublishVote(..)
            | Effect::RepublishRoundCertificate(..)) => self.publish(effect, &signer.context),
            Effect::GetValue(_, round, _, r) => {
                let build = round.as_u32().map(|round| Output::Build { round });
                self.put_some(build, r)
            }
            Effect::Decide(certificate, _, r) => {
                let mut signatures: Vec<(PeerId, [u8; 64])> = certificate
                    .commit_signatures
                    .iter()
                    .map(|one| (one.address.0, one.signature))
                    .collect();
                signatures.sort_unstable_by_key(|(by, _)| *by);
                self.is_decided = certificate
                    .round
                    .as_u32()
                    .map(|round| Certificate { round, signatures });
                r.resume_with(())
            }
            Effect::SignVote(vote, r) => match signer.vote(vote) {
                Ok(signed) => r.resume_with(signed),
                Err(why) => self.fail(why),
            },
            Effect::SignProposal(proposal, r) => match signer.proposal(proposal) {
                Ok(signed) => r.resume_with(signed),
                Err(why) => self.fail(why),
            },
            effect @ (Effect::VerifySignature(..)
            | Effect::VerifyCommitCertificate(..)
            | Effect::VerifyPolkaCertificate(..)
            | Effect::VerifyRoundCertificate(..)) => verify(effect),
            Effect::WalAppend(_, input, r) => {
                let record = record_of(&input, &signer.context);
                self.put_some(record.map(Output::Record), r)
            }
            Effect::Finalize(_, _, evidence, r) => {
                self.accuse(&evidence, chain);
                r.resume_with(())
            }
            // Blocks travel with their proposals, and are fetched with certificates that are checked before.
            Effect::StartRound(_, _, _, _, r) => r.resume_with(()),
            Effect::RestreamProposal(_, _, _, _, _, r) => r.resume_with(()),
            Effect::CertVerifiedSyncValue(_, _, r) => r.resume_with(()),
            Effect::CertRejectedSyncValue(_, _, _, r) => r.resume_with(()),
            // Votes carry nothing else.
            Effect::VerifyExtendedCommitCertificate(_, _, _, _, r) => r.resume_with(Ok(())),
            Effect::ExtendVote(_, _, _, _, r) => r.resume_with(None),
            Effect::VerifyVoteExtension(_, _, _, _, _, _, r) => r.resume_with(Ok(())),
        }
    }

    /// What is said to the other members.
    fn publish(&mut self, effect: Effect<Context>, context: &Context) -> Resume<Context> {
        match effect {
            Effect::PublishConsensusMsg(SignedConsensusMsg::Vote(vote), r)
            | Effect::PublishLivenessMsg(engine::LivenessMsg::Vote(vote), r)
            | Effect::RepublishVote(vote, r) => {
                let said = vote_out(&vote, context).map(|vote| Output::Say(Said::Vote(vote)));
                self.put_some(said, r)
            }
            Effect::PublishConsensusMsg(SignedConsensusMsg::Proposal(proposal), r) => {
                let block = SharedBlock(proposal.message.value.block.clone());
                let said = proposal_out(&proposal, context)
                    .map(|proposal| Output::Say(Said::Proposal { proposal, block }));
                self.put_some(said, r)
            }
            Effect::PublishLivenessMsg(engine::LivenessMsg::PolkaCertificate(polka), r) => {
                let votes = polka.votes(context);
                let said = votes_out(Shows::Polka, votes, context);
                self.put(said, r)
            }
            Effect::PublishLivenessMsg(engine::LivenessMsg::SkipRoundCertificate(round), r)
            | Effect::RepublishRoundCertificate(round, r) => {
                let shows = match round.cert_type {
                    RoundCertificateType::Skip => Shows::Later,
                    RoundCertificateType::Precommit => Shows::Over,
                };
                let said = votes_out(shows, round.votes(context), context);
                self.put(said, r)
            }
            // It is called for these alone.
            _ => Resume::Continue,
        }
    }

    fn put<R: Resumable<Context, Value = ()>>(&mut self, output: Output, r: R) -> Resume<Context> {
        self.outputs.push(output);
        r.resume_with(())
    }

    fn put_some<R: Resumable<Context, Value = ()>>(
        &mut self,
        output: Option<Output>,
        r: R,
    ) -> Resume<Context> {
        self.outputs.extend(output);
        r.resume_with(())
    }

    /// The engine stops at what it did not ask for.
    fn fail(&mut self, why: String) -> Resume<Context> {
        self.failure = Some(why);
        Resume::Continue
    }

    fn accuse(&mut self, evidence: &engine::MisbehaviorEvidence<Context>, chain: NetworkId) {
        let context = Context { chain };
        for (member, pairs) in evidence.votes.iter() {
            for (one, other) in pairs {
                let both = vote_out(one, &context).zip(vote_out(other, &context));
                self.outputs.extend(both.map(|(one, other)| {
                    Output::Guilty(member.0, Equivocation::Votes(Box::new([one, other])))
                }));
            }
        }
        for (member, pairs) in evidence.proposals.iter() {
            for (one, other) in pairs {
                let both = proposal_out(one, &context).zip(proposal_out(other, &context));
                self.outputs.extend(both.map(|(one, other)| {
                    Output::Guilty(member.0, Equivocation::Proposals(Box::new([one, other])))
                }));
            }
        }
    }
}

/// Whether what came in is enough; its signatures hold already.
fn verify(effect: Effect<Context>) -> Resume<Context> {
    match effect {
        // Every input is of the type whose signature holds.
        Effect::VerifySignature(_, _, r) => r.resume_with(true),
        // Put together from such inputs.
        Effect::VerifyCommitCertificate(_, _, _, r) => r.resume_with(Ok(())),
        Effect::VerifyPolkaCertificate(polka, members, _, r) => {
            let signers = polka.polka_signatures.iter().map(|one| one.address);
            r.resume_with(enough(signers, &members, quorum(&members)))
        }
        Effect::VerifyRoundCertificate(round, members, _, r) => {
            let signers = round.round_signatures.iter().map(|one| one.address);
            let needed = match round.cert_type {
                RoundCertificateType::Precommit => quorum(&members),
                RoundCertificateType::Skip => members.0.len() / 3 + 1,
            };
            r.resume_with(enough(signers, &members, needed))
        }
        // It is called for these alone.
        _ => Resume::Continue,
    }
}
