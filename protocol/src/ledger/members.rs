//! Who votes: the members of the council, and what counts as a quorum of them.

use std::collections::BTreeSet;

use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, PeerId},
};

/// Members of a council. With more, each block costs more signatures than it is worth.
pub const MEMBERS_MAX: usize = 31;

/// The members, in rising order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSet(Vec<PeerId>);

impl MemberSet {
    /// A set of these; `None` for none at all or too many.
    pub fn new(members: impl IntoIterator<Item = PeerId>) -> Option<Self> {
        let members: BTreeSet<PeerId> = members.into_iter().collect();
        let fits = (1..=MEMBERS_MAX).contains(&members.len());
        fits.then(|| Self(members.into_iter().collect()))
    }

    /// One alone.
    pub fn one(member: PeerId) -> Self {
        Self(vec![member])
    }

    /// The members.
    pub fn members(&self) -> &[PeerId] {
        &self.0
    }

    /// Whether `peer` votes.
    pub fn contains(&self, peer: &PeerId) -> bool {
        self.0.binary_search(peer).is_ok()
    }

    /// How many must agree: more than two thirds.
    pub fn quorum(&self) -> usize {
        self.0.len() * 2 / 3 + 1
    }

    /// How many may be crashed or lie without harm.
    pub fn tolerates(&self) -> usize {
        (self.0.len() - 1) / 3
    }

    /// So many are at least one more than may lie.
    pub fn some_honest(&self) -> usize {
        self.tolerates() + 1
    }

    /// The set with `peer` in it as well; `None` when it is there, or there are too many.
    pub fn with(&self, peer: PeerId) -> Option<Self> {
        match self.contains(&peer) {
            true => None,
            false => Self::new(self.0.iter().copied().chain([peer])),
        }
    }

    /// The set without `peer`; `None` when it is not there, or alone.
    pub fn without(&self, peer: &PeerId) -> Option<Self> {
        match self.contains(peer) {
            true => Self::new(self.0.iter().copied().filter(|one| one != peer)),
            false => None,
        }
    }

    /// The set with `new` in the place of `old`; `None` when the one is not there, or the other is.
    pub fn replaced(&self, old: &PeerId, new: PeerId) -> Option<Self> {
        match self.contains(old) && !self.contains(&new) {
            true => Self::new(self.0.iter().copied().filter(|one| one != old).chain([new])),
            false => None,
        }
    }

    /// What a block names the set by.
    pub fn hash(&self) -> Hash {
        canonical::hash(self)
    }
}

impl Canonical for MemberSet {
    const DOMAIN: &'static str = "edgecoder/member-set/1";

    fn encode(&self, to: &mut Encoder) {
        to.list(&self.0, |to, member| {
            to.fixed(&member.0);
        });
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let members = from.list(|from| from.array().map(PeerId))?;
        let is_rising = members.windows(2).all(|pair| pair[0] < pair[1]);
        if members.is_empty() || members.len() > MEMBERS_MAX || !is_rising {
            return Err(DecodeError::Invalid("a set of members"));
        }
        Ok(Self(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(count: u8) -> MemberSet {
        MemberSet::new((1..=count).map(|number| PeerId([number; 32]))).unwrap()
    }

    #[test]
    fn quorums_are_those_that_tolerate_what_is_said() {
        let rows: Vec<(usize, usize, usize)> = [1, 2, 3, 4, 7, 10]
            .map(set)
            .iter()
            .map(|set| (set.quorum(), set.tolerates(), set.some_honest()))
            .collect();
        let expected = [
            (1, 0, 1),
            (2, 0, 1),
            (3, 0, 1),
            (3, 1, 2),
            (5, 2, 3),
            (7, 3, 4),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_set_changes_by_one_and_is_never_empty() {
        let (one, two) = (PeerId([1; 32]), PeerId([2; 32]));
        assert_eq!(set(1).with(two), Some(set(2)));
        assert_eq!(set(2).with(two), None);
        assert_eq!(set(2).without(&two), Some(set(1)));
        assert_eq!(set(1).without(&one), None);
        assert_eq!(set(1).without(&two), None);
        assert_eq!(set(1).replaced(&one, two), Some(MemberSet::one(two)));
        assert_eq!(set(1).replaced(&two, one), None);
        assert_eq!(set(2).replaced(&one, two), None);
        assert_eq!(set(2).replaced(&one, one), None);
        assert_eq!(
            MemberSet::new((0..=MEMBERS_MAX as u8).map(|n| PeerId([n; 32]))),
            None
        );
    }

    #[test]
    fn only_rising_sets_are_read() {
        let bytes = canonical::encode(&set(3));
        assert_eq!(canonical::decode(&bytes), Ok(set(3)));
        let swapped = MemberSet(vec![PeerId([2; 32]), PeerId([1; 32])]);
        assert!(canonical::decode::<MemberSet>(&canonical::encode(&swapped)).is_err());
    }
}
