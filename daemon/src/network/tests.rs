//! What of a network's files is believed, and what is refused.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use edgecoder_node_store::Faults;
use edgecoder_protocol::{key::NodeKey, record::Vouch};
use tempfile::TempDir;

use super::*;

const NOW: Millis = Millis(1_000_000);

fn random(buffer: &mut [u8]) {
    // Distinct each time, as keys and salts of two networks must be; which they are does not matter.
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    buffer.fill(NEXT.fetch_add(1, Ordering::Relaxed));
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn created(at: &TempDir, private: bool) -> Network {
    let founding = Founding {
        name: "lab",
        private,
        member: None,
        operators: &[],
        now: NOW,
        random,
    };
    Network::create(at.path(), founding).unwrap()
}

fn address(peer: PeerId) -> String {
    format!("/ip4/192.0.2.1/tcp/4001/p2p/{peer}")
}

fn line(at: &TempDir, network: &Network, expires: Millis) -> String {
    let addresses = vec![address(network.genesis.members.members()[0])];
    let line = network
        .invite(at.path(), addresses, network.begins_at(), expires)
        .unwrap();
    line.to_string()
}

#[test]
fn what_was_created_is_loaded_and_joined_elsewhere() {
    for private in [false, true] {
        let (here, there) = (folder(), folder());
        let network = created(&here, private);
        assert_eq!(Network::load(here.path()).unwrap(), Some(network.clone()));
        let node = keys::read(&here.path().join(NODE)).unwrap().unwrap();
        assert_eq!(network.genesis.members.members()[0], node.peer_id());
        let owner = network.owner.as_ref().unwrap();
        assert!(owner.holds(network.genesis.id(), node.peer_id()));
        assert_eq!(network.genesis.operators, [owner.operator]);
        assert_ne!(owner.operator, node.peer_id());

        let line = line(&here, &network, Millis(2_000_000));
        let (joined, until) = Network::join(there.path(), &line, false, NOW).unwrap();
        assert_eq!(until, Millis(2_000_000));
        assert_eq!(Network::load(there.path()).unwrap(), Some(joined.clone()));
        assert_eq!(joined.genesis, network.genesis);
        assert_eq!(joined.secret, network.secret);
        assert_eq!(joined.secret.is_some(), private);
        assert_eq!(
            joined.addresses,
            [address(network.genesis.members.members()[0])]
        );
        assert_eq!(joined.owner, None, "nobody vouched for it");
        for file in fs::read_dir(there.path()).unwrap() {
            let found = file.unwrap().metadata().unwrap();
            assert_eq!(found.permissions().mode() & 0o777, 0o600);
        }
        let invite = joined.invite(there.path(), Vec::new(), joined.begins_at(), NOW);
        assert!(matches!(invite, Err(NetworkError::NoOperator { .. })));
    }
}

#[test]
fn a_node_is_in_one_network_at_a_time() {
    let (here, there) = (folder(), folder());
    let (private, public) = (created(&here, true), created(&there, false));
    let line = line(&there, &public, Millis(2_000_000));
    let join = |replace| Network::join(here.path(), &line, replace, NOW);
    assert!(matches!(join(false), Err(NetworkError::Exists { .. })));
    assert_eq!(Network::load(here.path()).unwrap(), Some(private));
    let (joined, _) = join(true).unwrap();
    assert_eq!(Network::load(here.path()).unwrap(), Some(joined));
    assert!(!here.path().join(SECRET).exists(), "the old secret stayed");
    let key = keys::read(&here.path().join(OPERATOR)).unwrap();
    assert!(key.is_some(), "the operator's key was taken away");
}

#[test]
fn a_bad_line_changes_nothing() {
    let (here, there) = (folder(), folder());
    let network = created(&here, false);
    let good = line(&here, &network, Millis(2_000_000));
    let late = Network::join(there.path(), &good, true, Millis(2_000_000));
    assert!(matches!(
        late,
        Err(NetworkError::Invite(InviteError::Expired))
    ));
    let cut = &good[..good.len() - 2];
    let join = Network::join(there.path(), cut, true, NOW);
    assert!(matches!(join, Err(NetworkError::Invite(_))));
    assert_eq!(fs::read_dir(there.path()).unwrap().count(), 0);
}

#[test]
fn files_that_do_not_fit_together_are_refused() {
    let here = folder();
    let network = created(&here, true);
    let path = |name: &str| here.path().join(name);
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let (description, secret) = (read(NETWORK), read(SECRET));
    // The error's text for one file's content.
    let says = |name: &str, text: &str, why: &str| {
        let before = read(name);
        fs::write(path(name), text).unwrap();
        let error = Network::load(here.path()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.next().contains("edgecoder network join"), "{error}");
        assert!(!error.to_string().contains(secret.trim()), "{error}");
        fs::write(path(name), before).unwrap();
    };
    says(NETWORK, "{", "EOF while parsing");
    says(NETWORK, "", "EOF while parsing");
    says(NETWORK, &" ".repeat(70_000), "too long");
    says(
        NETWORK,
        &description.replace("network/1", "network/2"),
        "another version",
    );
    says(
        NETWORK,
        &description.replace("\"lab\"", "\"bal\""),
        "its id is not",
    );
    says(NETWORK, &description.replace("\"lab\"", "\"\""), "name");
    says(
        NETWORK,
        &description.replace("\"addresses\": []", "\"addresses\": [\"x\"]"),
        "addresses",
    );
    says(SECRET, "", "64 hexadecimal digits");
    says(SECRET, &secret.replace('\n', "0\n"), "64 hexadecimal");
    says(SECRET, &"0".repeat(64), "of another network");
    assert_eq!(Network::load(here.path()).unwrap(), Some(network));
    fs::remove_file(path(SECRET)).unwrap();
    let error = Network::load(here.path()).unwrap_err();
    assert!(error.to_string().contains("is not there"), "{error}");
}

#[test]
fn keys_that_others_may_read_are_not_used() {
    let here = folder();
    created(&here, true);
    for name in [SECRET, OPERATOR] {
        let path = here.path().join(name);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = Network::load(here.path()).unwrap_err();
        assert!(error.next().contains("chmod 600"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(here.path().join(OPERATOR), "x").unwrap();
    let error = Network::load(here.path()).unwrap_err();
    assert!(matches!(error, NetworkError::Key { .. }), "{error}");
}

#[test]
fn one_operator_founds_several_networks_and_invites_to_those_alone() {
    let here = folder();
    let first = created(&here, false);
    let file = here.path().join(NETWORK);
    fs::rename(&file, here.path().join("old")).unwrap();
    let second = created(&here, false);
    assert_eq!(first.genesis.operators, second.genesis.operators);
    assert_ne!(first.genesis.id(), second.genesis.id());
    let foreign = Network {
        genesis: Genesis {
            operators: vec![NodeKey::from_seed(&mut [250; 32]).peer_id()],
            ..second.genesis.clone()
        },
        ..second.clone()
    };
    let invite = foreign.invite(
        here.path(),
        vec![address(second.genesis.members.members()[0])],
        foreign.begins_at(),
        NOW,
    );
    assert!(matches!(invite, Err(NetworkError::NoOperator { .. })));
    let nowhere = second.invite(
        here.path(),
        vec!["/ip4/192.0.2.1/tcp/1".into()],
        second.begins_at(),
        NOW,
    );
    assert!(matches!(nowhere, Err(NetworkError::Address { .. })));
}

#[test]
fn a_name_that_cannot_be_shown_is_refused_before_anything_is_made() {
    let here = folder();
    for name in ["", "a\nb", &"x".repeat(65)] {
        let founding = Founding {
            name,
            private: false,
            member: None,
            operators: &[],
            now: NOW,
            random,
        };
        let error = Network::create(here.path(), founding).unwrap_err();
        assert!(matches!(error, NetworkError::Name { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);
}

#[test]
fn a_node_belongs_to_the_operator_who_said_so_of_it_in_its_network() {
    let (here, there, team) = (folder(), folder(), folder());
    // A team of its own, whose operator the founder lists.
    let other = operator(team.path(), random).unwrap();
    assert_eq!(operator(team.path(), random).unwrap(), other, "it stays");
    let founding = Founding {
        name: "lab",
        private: false,
        member: None,
        operators: &[other],
        now: NOW,
        random,
    };
    let network = Network::create(here.path(), founding).unwrap();
    let genesis = &network.genesis;
    assert!(genesis.operators.contains(&other) && genesis.operators.len() == 2);
    Network::join(
        there.path(),
        &line(&here, &network, Millis(2_000_000)),
        false,
        NOW,
    )
    .unwrap();
    let node = node_key(there.path(), random, &Faults::default())
        .unwrap()
        .peer_id();
    let owner = || Network::load(there.path()).unwrap().unwrap().owner;
    assert_eq!(owner(), None);
    let word = vouch(team.path(), genesis, node).unwrap().to_string();
    let own = |line: &str| belong(there.path(), genesis, line);
    assert_eq!(own(&word).unwrap().operator, other);
    assert_eq!(owner().map(|owner| owner.operator), Some(other));
    assert!(owner().unwrap().holds(genesis.id(), node));
    // Of another node, another network, and by nobody who may.
    let of_another = vouch(team.path(), genesis, other).unwrap().to_string();
    assert!(matches!(
        own(&of_another),
        Err(NetworkError::Elsewhere { .. })
    ));
    let elsewhere = created(&folder(), false).genesis;
    let stranger = NodeKey::from_seed(&mut [99; 32]);
    for word in [
        Vouch::new(elsewhere.id(), node, &stranger),
        Vouch::new(genesis.id(), node, &stranger),
    ] {
        assert!(matches!(
            own(&word.to_string()),
            Err(NetworkError::Elsewhere { .. })
        ));
    }
    assert!(matches!(own("nothing"), Err(NetworkError::Vouch(_))));
    assert!(matches!(
        vouch(there.path(), genesis, node),
        Err(NetworkError::NoOperator { .. })
    ));
    assert_eq!(
        owner().map(|owner| owner.operator),
        Some(other),
        "as it was"
    );
    fs::write(there.path().join("network.owner"), "garbage").unwrap();
    assert!(matches!(
        Network::load(there.path()),
        Err(NetworkError::Damaged { .. })
    ));
}
