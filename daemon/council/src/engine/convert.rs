//! Between the protocol's words and the engine's: what each is in the other's types, and which collections of votes show
//! what they claim.

use std::collections::BTreeSet;

use arc_malachitebft_core_consensus::Input as EngineInput;
use arc_malachitebft_core_types as core;
use core::{
    CertificateError, PolkaCertificate, PolkaSignature, Round, RoundCertificate,
    RoundCertificateType, RoundSignature, SignedMessage, TimeoutKind, Vote as _,
};
use edgecoder_protocol::{
    ledger::{
        block::{Stage, Vote},
        consensus::{Proposal, Said, Shows},
    },
    signed::{Checked, Signed},
};

use super::{
    Output, Record, Step, Timeout,
    context::{Context, Height, Member, Members, ProposalOf, Value, VoteOf},
};

pub type SignedVote = core::SignedVote<Context>;
pub type SignedProposal = core::SignedProposal<Context>;

pub fn quorum(members: &Members) -> usize {
    members.0.len() * 2 / 3 + 1
}

/// Whether so many different members signed, and nobody else.
///
/// # Errors
/// Why not.
#[allow(clippy::result_large_err, reason = "the engine's own error")]
pub fn enough(
    signers: impl Iterator<Item = Member>,
    members: &Members,
    needed: usize,
) -> Result<(), CertificateError<Context>> {
    let mut seen = BTreeSet::new();
    for signer in signers {
        if members.0.binary_search(&signer).is_err() {
            return Err(CertificateError::UnknownValidator(signer));
        }
        if !seen.insert(signer) {
            return Err(CertificateError::DuplicateVote(signer));
        }
    }
    match seen.len() >= needed {
        true => Ok(()),
        false => Err(CertificateError::NotEnoughVotingPower {
            signed: seen.len() as u64,
            total: members.0.len() as u64,
            expected: needed as u64,
        }),
    }
}

pub fn timeout_out(timeout: core::Timeout) -> Option<Timeout> {
    let step = match timeout.kind {
        TimeoutKind::Propose => Step::Propose,
        TimeoutKind::Prevote => Step::Prevote,
        TimeoutKind::Precommit => Step::Precommit,
        TimeoutKind::Rebroadcast => Step::Repeat,
        // Heights are final at once.
        TimeoutKind::FinalizeHeight(_) => return None,
    };
    Some(Timeout {
        round: timeout.round.as_u32()?,
        step,
    })
}

pub fn timeout_in(timeout: Timeout) -> core::Timeout {
    let round = Round::new(timeout.round);
    match timeout.step {
        Step::Propose => core::Timeout::propose(round),
        Step::Prevote => core::Timeout::prevote(round),
        Step::Precommit => core::Timeout::precommit(round),
        Step::Repeat => core::Timeout::rebroadcast(round),
    }
}

pub fn vote_in(vote: &Checked<Vote>) -> SignedVote {
    SignedMessage::new(VoteOf::of(vote.value(), vote.signer()), *vote.signature())
}

pub fn vote_out(vote: &SignedVote, context: &Context) -> Option<Signed<Vote>> {
    let said = vote.message.said(context.chain)?;
    Some(Signed::claimed(said, vote.message.by.0, vote.signature))
}

pub fn votes_out(
    shows: Shows,
    votes: impl Iterator<Item = SignedVote>,
    context: &Context,
) -> Output {
    let votes = votes.filter_map(|vote| vote_out(&vote, context)).collect();
    Output::Say(Said::Votes { shows, votes })
}

pub fn proposal_in(proposal: &Checked<Proposal>, value: Value) -> SignedProposal {
    let said = proposal.value();
    let message = ProposalOf {
        height: Height(said.height),
        round: Round::new(said.round),
        value,
        valid_round: said.valid_round.map_or(Round::Nil, Round::new),
        by: Member(proposal.signer()),
    };
    SignedMessage::new(message, *proposal.signature())
}

pub fn proposal_out(proposal: &SignedProposal, context: &Context) -> Option<Signed<Proposal>> {
    let said = proposal.message.said(context.chain)?;
    Some(Signed::claimed(
        said,
        proposal.message.by.0,
        proposal.signature,
    ))
}

/// Prevotes of one round for one block; none when they are not.
pub fn polka_in(votes: &[Checked<Vote>]) -> Option<PolkaCertificate<Context>> {
    let first = votes.first()?.value();
    let block = first.block?;
    let is_same = |vote: &Checked<Vote>| vote.value() == first;
    if first.stage != Stage::Prevote || !votes.iter().all(is_same) {
        return None;
    }
    Some(PolkaCertificate {
        height: Height(first.height),
        round: Round::new(first.round),
        value_id: block,
        polka_signatures: votes
            .iter()
            .map(|vote| PolkaSignature::new(Member(vote.signer()), *vote.signature()))
            .collect(),
    })
}

/// Votes of one round; none when they are not.
pub fn round_in(shows: Shows, votes: &[Checked<Vote>]) -> Option<RoundCertificate<Context>> {
    let first = votes.first()?.value();
    let cert_type = match shows {
        Shows::Later => RoundCertificateType::Skip,
        Shows::Over => RoundCertificateType::Precommit,
        Shows::Polka => return None,
    };
    let is_fit = |vote: &Checked<Vote>| {
        let vote = vote.value();
        (vote.height, vote.round) == (first.height, first.round)
            && (shows == Shows::Later || vote.stage == Stage::Precommit)
    };
    if !votes.iter().all(is_fit) {
        return None;
    }
    let signature = |vote: &Checked<Vote>| {
        let signed = vote_in(vote);
        RoundSignature::new(
            signed.message.vote_type(),
            signed.message.value,
            signed.message.by,
            signed.signature,
        )
    };
    Some(RoundCertificate {
        height: Height(first.height),
        round: Round::new(first.round),
        cert_type,
        round_signatures: votes.iter().map(signature).collect(),
    })
}

/// What is recorded of an input of the engine; the others it does not want recorded.
pub fn record_of(input: &EngineInput<Context>, context: &Context) -> Option<Record> {
    match input {
        EngineInput::Vote(vote) => vote_out(vote, context).map(Record::Vote),
        EngineInput::Proposal(proposal) => proposal_out(proposal, context).map(Record::Proposal),
        EngineInput::PolkaCertificate(polka) => {
            let votes = polka.votes(context);
            Some(Record::Polka(
                votes.filter_map(|vote| vote_out(&vote, context)).collect(),
            ))
        }
        EngineInput::ProposedValue(value, _) => Some(Record::Value {
            round: value.round.as_u32()?,
            block: value.value.id,
        }),
        EngineInput::TimeoutElapsed(timeout) => timeout_out(*timeout).map(Record::TimedOut),
        EngineInput::StartHeight(..)
        | EngineInput::RoundCertificate(_)
        | EngineInput::Propose(_)
        | EngineInput::SyncValueResponse(_) => None,
    }
}
