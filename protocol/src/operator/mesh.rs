//! The operator API's objects of a node that is in a network: itself, its peers, its worker. In local mode every
//! path here is refused.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::{
    ids::{NetworkId, PeerId, TaskId},
    record::Hours,
    units::{Bytes, Millis},
    work::Part,
};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// By which means a peer was found first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// It is a bootstrap node of the configuration.
    Bootstrap,
    /// It announced itself on the local network.
    Mdns,
    /// A lookup in the DHT.
    Kademlia,
    /// It told its addresses over a connection.
    Identify,
    /// A signed record.
    Record,
    /// It connected to this node.
    Inbound,
    /// The invite.
    Invite,
}

impl FoundBy {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Mdns => "mdns",
            Self::Kademlia => "kademlia",
            Self::Identify => "identify",
            Self::Record => "record",
            Self::Inbound => "inbound",
            Self::Invite => "invite",
        }
    }
}

/// How a peer stands to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PeerState {
    /// A connection stands.
    Connected,
    /// Known, and not connected to.
    Known,
    /// The last attempt to connect failed.
    Unreachable,
    /// Shut out for its offences.
    Blocked,
}

impl PeerState {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Known => "known",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
        }
    }
}

/// The last failed attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DialView {
    /// The address that was tried; empty when there was none.
    pub address: String,
    /// How far it came: `resolving`, `connecting`, `waiting`, `handshake`, `identity`, `limits`, `blocked`.
    pub step: String,
    /// What happened there.
    pub reason: String,
}

/// An item of `GET /v1/peers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeerRow {
    /// `edgecoder/peer/1`.
    pub schema: String,
    /// Who.
    pub peer: PeerId,
    /// How it was found first.
    pub found_by: FoundBy,
    /// The connection's remote address; without a connection, the one that would be dialled first.
    pub address: Option<String>,
    /// Of the last ping, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// What its conduct earned; no authority follows from it.
    pub score: f64,
    /// Offences remembered.
    pub offences: u32,
    /// What its record says it does; empty while there is none.
    pub roles: Vec<String>,
    /// How it stands to this node.
    pub state: PeerState,
    /// The last failed attempt to connect, until one succeeds.
    pub failure: Option<DialView>,
}

/// The network that a node is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkView {
    /// Its id.
    pub id: NetworkId,
    /// Its name, for people.
    pub name: String,
    /// Whether only holders of its secret can connect.
    pub private: bool,
}

/// The coordinator as a node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoordinatorView {
    /// Who, by the ledger; the node itself when it coordinates, absent while nobody does.
    pub peer: Option<PeerId>,
    /// By which grant: the index of its entry in the ledger.
    pub term: Option<u64>,
    /// Whether it answers.
    pub reachable: bool,
    /// Whether it has taken this node's record.
    pub registered: bool,
    /// Why it is not reachable or did not take the record; absent when all is well.
    pub reason: Option<String>,
}

/// `GET /v1/node`: a node in its network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// `edgecoder/node/1`.
    pub schema: String,
    /// Its key.
    pub node: PeerId,
    /// Where it may send and take work.
    pub mode: String,
    /// The network it is in.
    pub network: NetworkView,
    /// Roles it runs.
    pub roles: Vec<String>,
    /// Multiaddresses by which others reach it, each ending in `/p2p/` and its key.
    pub addresses: Vec<String>,
    /// Who coordinates the network, as seen from here.
    pub coordinator: CoordinatorView,
    /// Nodes of the network whose records this node has, itself among them.
    pub members: u64,
    /// Milliseconds that the coordinator's clock is ahead of this node's; absent until it has been measured.
    pub clock_offset_ms: Option<i64>,
}

/// What a worker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// Takes work.
    Ready,
    /// Takes none until it is told to resume.
    Paused,
    /// Takes none, finishes what it holds, and is then paused.
    Draining,
    /// Takes none: it is outside its hours.
    Resting,
    /// Takes none: somebody uses the machine.
    Yielding,
}

impl WorkerState {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Resting => "resting",
            Self::Yielding => "yielding",
        }
    }
}

/// As what a subtask is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeldPart {
    /// To make a result.
    Author,
    /// To replay one.
    Checker,
}

impl HeldPart {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Checker => "checker",
        }
    }
}

impl From<Part> for HeldPart {
    fn from(part: Part) -> Self {
        match part {
            Part::Author => Self::Author,
            Part::Checker => Self::Checker,
        }
    }
}

/// A subtask that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldView {
    /// Of which task.
    pub task: TaskId,
    /// Which step of it, from 0.
    pub step: u16,
    /// As what.
    pub part: HeldPart,
    /// Since when.
    pub since: Millis,
}

/// What executions for others may use together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoundsView {
    /// What keeps it: `none`, `cgroup v2`, `cgroup v1`, or `rlimit and nice`.
    pub layer: String,
    /// Percent of the processors, as it is set; 100 bounds nothing.
    pub cpu_percent: u32,
    /// Memory, as it is set; absent: not bounded.
    pub memory: Option<Bytes>,
    /// What the layer guarantees of that, in a sentence's part.
    pub guarantee: String,
}

/// `GET /v1/worker`, and the answer to `POST /v1/worker/pause`, `/resume`, `/drain` and `/policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// `edgecoder/worker/1`.
    pub schema: String,
    /// What it does at the moment.
    pub state: WorkerState,
    /// Subtasks it does at once.
    pub slots: u32,
    /// When it works.
    pub hours: WorkingHours,
    /// Whether it works only while nobody uses the machine.
    pub idle_only: bool,
    /// What bounds its executions.
    pub bounds: BoundsView,
    /// What it holds.
    pub held: Vec<HeldView>,
    /// Subtasks done since the daemon started,
    pub done: u64,
    /// given back undone,
    pub given_back: u64,
    /// and lost because a lease ended first.
    pub lost: u64,
}

/// `POST /v1/worker/policy`: what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRequest {
    /// Subtasks to do at once; 0 for one a core.
    #[serde(default)]
    pub slots: Option<u32>,
    /// When to work.
    #[serde(default)]
    pub hours: Option<WorkingHours>,
    /// Whether to work only while nobody uses the machine.
    #[serde(default)]
    pub idle_only: Option<bool>,
}

/// When a worker works, as people write it: `HH:MM-HH:MM` in UTC, spanning midnight when the first is later, or
/// `always`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String)]
pub struct WorkingHours(pub Option<Hours>);

/// A text that names no hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `HH:MM-HH:MM` (UTC) with two different times, or `always`")]
pub struct HoursError;

impl fmt::Display for WorkingHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Hours { from, until }) = self.0 else {
            return f.write_str("always");
        };
        let (fh, fm, uh, um) = (from / 60, from % 60, until / 60, until % 60);
        write!(f, "{fh:02}:{fm:02}-{uh:02}:{um:02}")
    }
}

impl FromStr for WorkingHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        if text == "always" {
            return Ok(Self(None));
        }
        let (from, until) = text.split_once('-').ok_or(HoursError)?;
        let (from, until) = (minute(from)?, minute(until)?);
        // Equal times could mean all day as well as never: nobody shall have to guess.
        if from == DAY || from == until {
            return Err(HoursError);
        }
        Ok(Self(Some(Hours { from, until })))
    }
}

/// The minute of the day that `HH:MM` names; `24:00` is its end.
fn minute(text: &str) -> Result<u16, HoursError> {
    let (hour, minute) = text.split_once(':').ok_or(HoursError)?;
    let two = |digits: &str| {
        let fits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| fits)
    };
    match (two(hour), two(minute)) {
        (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(hour * 60 + minute),
        (Some(24), Some(0)) => Ok(DAY),
        _ => Err(HoursError),
    }
}

impl Serialize for WorkingHours {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkingHours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_read_back_what_they_write_and_refuse_the_rest() {
        for good in [
            "always",
            "00:00-24:00",
            "22:00-06:00",
            "08:30-17:05",
            "23:59-00:00",
        ] {
            let hours: WorkingHours = good.parse().unwrap();
            assert_eq!(hours.to_string(), good);
            let json = serde_json::to_string(&hours).unwrap();
            assert_eq!(json, format!("{good:?}"));
            assert_eq!(serde_json::from_str::<WorkingHours>(&json).unwrap(), hours);
        }
        for bad in [
            "",
            "8:00-9:00",
            "08:00",
            "08:00-08:00",
            "24:00-08:00",
            "24:00-24:00",
            "08:60-09:00",
            "25:00-09:00",
            "08:00-24:01",
            "+8:00-09:00",
            "08:00-09:00-10:00",
            "never",
        ] {
            assert!(bad.parse::<WorkingHours>().is_err(), "{bad}");
        }
        let night: WorkingHours = "22:00-06:00".parse().unwrap();
        assert_eq!(
            night.0,
            Some(Hours {
                from: 1_320,
                until: 360
            })
        );
    }

    #[test]
    fn the_words_on_screens_are_those_in_json() {
        let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for found in [
            FoundBy::Bootstrap,
            FoundBy::Mdns,
            FoundBy::Kademlia,
            FoundBy::Identify,
            FoundBy::Record,
            FoundBy::Inbound,
            FoundBy::Invite,
        ] {
            assert_eq!(json(serde_json::to_value(found).unwrap()), found.as_str());
        }
        for state in [
            PeerState::Connected,
            PeerState::Known,
            PeerState::Unreachable,
            PeerState::Blocked,
        ] {
            assert_eq!(json(serde_json::to_value(state).unwrap()), state.as_str());
        }
        for state in [
            WorkerState::Ready,
            WorkerState::Paused,
            WorkerState::Draining,
            WorkerState::Resting,
            WorkerState::Yielding,
        ] {
            assert_eq!(json(serde_json::to_value(state).unwrap()), state.as_str());
        }
        for part in [Part::Author, Part::Checker].map(HeldPart::from) {
            assert_eq!(json(serde_json::to_value(part).unwrap()), part.as_str());
        }
    }
}
