//! How far a dial came before it failed, and how long to wait before the next. Dialling is the actor's.

use std::{fmt, io, time::Duration};

use libp2p::{
    Multiaddr, TransportError, allow_block_list, connection_limits, memory_connection_limits,
    swarm::DialError,
};

use crate::gate::{Shut, Unwanted};

/// The wait after a failed dial doubles from here,
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// up to here: a bootstrap node that is back after a night is found within minutes.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// Of what a remote or the system says, so much is kept.
const REASON_MAX: usize = 200;

/// The step at which a dial failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DialStep {
    /// No address is known, or its name could not be resolved.
    Resolve,
    /// The socket: refused, no route, an address that this node has no transport for.
    Transport,
    /// Nobody answered in time.
    Timeout,
    /// The peer speaks, but not with us: pre-shared key, noise, yamux or QUIC's TLS.
    Handshake,
    /// Somebody else is at this address.
    WrongPeer,
    /// A limit of ours on connections or memory.
    Limit,
    /// The peer is blocked here.
    Blocked,
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving",
            Self::Transport => "connecting",
            Self::Timeout => "waiting",
            Self::Handshake => "handshake",
            Self::WrongPeer => "identity",
            Self::Limit => "limits",
            Self::Blocked => "blocked",
        })
    }
}

/// The last failed attempt at a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialFailure {
    /// The address tried; empty when there was none.
    pub address: String,
    /// How far it came.
    pub step: DialStep,
    /// What happened there, at most 200 characters.
    pub reason: String,
}

impl DialFailure {
    pub(crate) fn new(
        address: impl fmt::Display,
        step: DialStep,
        reason: impl fmt::Display,
    ) -> Self {
        Self {
            address: address.to_string(),
            step,
            reason: cut(&reason.to_string()),
        }
    }
}

/// A transport's error with its step, which libp2p's boxes would hide.
#[derive(Debug)]
pub(crate) struct Stage {
    pub step: DialStep,
    pub reason: String,
}

impl Stage {
    pub fn new(step: DialStep, reason: impl fmt::Display) -> Self {
        Self {
            step,
            reason: cut(&reason.to_string()),
        }
    }

    /// An error of the socket itself.
    pub fn socket(error: io::Error) -> Self {
        let step = match error.kind() {
            io::ErrorKind::TimedOut => DialStep::Timeout,
            _ => DialStep::Transport,
        };
        Self::new(step, error)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Stage {}

/// An error and what it says it comes from.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

/// The failure that says most of a dial's: of several addresses the one that came furthest. `None` when no
/// attempt was made, because one is under way or nobody wants the peer.
pub(crate) fn failure(error: &DialError) -> Option<DialFailure> {
    match error {
        DialError::LocalPeerId { address } => Some(DialFailure::new(
            address,
            DialStep::WrongPeer,
            "it is this very node",
        )),
        DialError::NoAddresses => Some(DialFailure::new(
            "",
            DialStep::Resolve,
            "no address is known",
        )),
        DialError::DialPeerConditionFalse(_) => None,
        DialError::Aborted => Some(DialFailure::new(
            "",
            DialStep::Transport,
            "it was broken off",
        )),
        DialError::WrongPeerId { obtained, address } => Some(DialFailure::new(
            address,
            DialStep::WrongPeer,
            format_args!("{obtained} is there"),
        )),
        DialError::Denied { cause } => {
            if cause.downcast_ref::<Unwanted>().is_some() {
                return None;
            }
            let is_blocked = cause.downcast_ref::<allow_block_list::Blocked>().is_some()
                || cause.downcast_ref::<Shut>().is_some();
            let is_limit = cause
                .downcast_ref::<connection_limits::Exceeded>()
                .is_some()
                || cause
                    .downcast_ref::<memory_connection_limits::MemoryUsageLimitExceeded>()
                    .is_some();
            let step = match (is_blocked, is_limit) {
                (true, _) => DialStep::Blocked,
                (_, true) => DialStep::Limit,
                _ => DialStep::Transport,
            };
            Some(DialFailure::new("", step, chain(cause)))
        }
        DialError::Transport(errors) => errors
            .iter()
            .map(|(address, error)| at(address, error))
            .max_by_key(|failure| failure.step),
    }
}

fn at(address: &Multiaddr, error: &TransportError<io::Error>) -> DialFailure {
    match error {
        TransportError::MultiaddrNotSupported(_) => DialFailure::new(
            address,
            DialStep::Transport,
            "this node has no transport for this address",
        ),
        TransportError::Other(error) => {
            let inner = error.get_ref();
            match inner.and_then(|inner| inner.downcast_ref::<Stage>()) {
                Some(stage) => DialFailure::new(address, stage.step, stage),
                None => DialFailure::new(address, DialStep::Transport, error),
            }
        }
    }
}

/// How long to wait after `failures` failures in a row, with `jitter` in [0, 1) so that many nodes do not
/// come back at once.
pub(crate) fn backoff(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let wait = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    wait.mul_f64(1.0 + jitter / 2.0)
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let seconds = |failures| backoff(failures, 0.0).as_secs();
        assert_eq!(
            [0, 1, 2, 3, 8, 9, 10, u32::MAX].map(seconds),
            [1, 1, 2, 4, 128, 256, 300, 300]
        );
        assert_eq!(backoff(2, 0.5), Duration::from_millis(2_500));
    }

    #[test]
    fn of_several_addresses_the_furthest_attempt_is_told() {
        let address =
            |port: u16| -> Multiaddr { format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap() };
        let other = |stage: Stage| TransportError::Other(io::Error::other(stage));
        let error = DialError::Transport(vec![
            (
                address(1),
                other(Stage::new(DialStep::Handshake, "no noise")),
            ),
            (
                address(2),
                other(Stage::socket(io::ErrorKind::ConnectionRefused.into())),
            ),
            (
                address(3),
                TransportError::MultiaddrNotSupported(address(3)),
            ),
        ]);
        assert_eq!(
            failure(&error),
            Some(DialFailure::new(
                "/ip4/127.0.0.1/tcp/1",
                DialStep::Handshake,
                "no noise"
            ))
        );
        assert_eq!(
            failure(&DialError::NoAddresses).unwrap().step,
            DialStep::Resolve
        );
    }
}
