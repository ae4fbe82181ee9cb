//! Finding each other through a third node, and what the DHT keeps.

use std::time::Duration;

use crate::support::{LIMIT, MEMORY, Node, TCP, key, quiet, start, within};
use edgecoder_mesh::{Config, DialStep, Event, FoundBy, KademliaMode, RequestError, Service};

fn server(listen: &str, bootstrap: &[&Node]) -> Config {
    Config {
        kademlia: KademliaMode::Server,
        bootstrap: bootstrap
            .iter()
            .flat_map(|node| node.addresses.clone())
            .collect(),
        ..quiet(listen)
    }
}

#[tokio::test]
async fn a_node_finds_another_and_what_it_provides_through_a_third() {
    let hub = start(1, server(TCP, &[])).await;
    let mut a = start(2, server(TCP, &[&hub])).await;
    a.event(|event| matches!(event, Event::Connected { .. }))
        .await;
    a.serve();
    a.mesh.provide(b"snapshot".to_vec()).await;
    let c = start(3, server(TCP, &[&hub])).await;

    // The announcement may still be on its way.
    let providers = within(async {
        loop {
            let found = c.mesh.providers(b"snapshot".to_vec(), LIMIT).await;
            if !found.is_empty() {
                return found;
            }
        }
    })
    .await;
    assert_eq!(providers, [a.id()]);
    let found = c.mesh.find(a.id()).await;
    let plain = a.addresses[0].split("/p2p/").next().unwrap().to_owned();
    assert!(found.contains(&plain), "{found:?}");
    let answer = c
        .mesh
        .request(a.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);

    a.mesh.stop_providing(b"snapshot".to_vec()).await;
    assert_eq!(c.mesh.providers(b"nothing".to_vec(), LIMIT).await, []);
}

#[tokio::test]
async fn a_request_alone_looks_its_peer_up_and_without_the_dht_it_cannot() {
    let hub = start(1, server(MEMORY, &[])).await;
    let mut a = start(2, server(MEMORY, &[&hub])).await;
    a.event(|event| matches!(event, Event::Connected { .. }))
        .await;
    // The hub knows of A's address when A has introduced itself.
    hub.view(a.id(), |view| view.agent.is_some()).await;
    a.serve();
    let c = start(3, server(MEMORY, &[&hub])).await;
    let answer = c
        .mesh
        .request(a.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);

    let off = Config {
        kademlia: KademliaMode::Off,
        ..server(MEMORY, &[&hub])
    };
    let mut d = start(4, off).await;
    d.event(|event| matches!(event, Event::Connected { .. }))
        .await;
    let answer = d
        .mesh
        .request(a.id(), Service::Control, vec![1], LIMIT)
        .await;
    let nowhere = matches!(
        answer,
        Err(RequestError::Unreachable {
            step: DialStep::Resolve,
            ..
        })
    );
    assert!(nowhere, "{answer:?}");
    assert_eq!(d.mesh.find(a.id()).await, [""; 0]);
    assert_eq!(d.mesh.providers(b"x".to_vec(), LIMIT).await, []);

    let answer = c
        .mesh
        .request(key(99).peer_id(), Service::Control, vec![1], LIMIT)
        .await;
    assert!(
        matches!(answer, Err(RequestError::Unreachable { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_record_is_stored_only_where_it_was_accepted_and_a_forger_is_blamed() {
    let mut hub = start(1, server(MEMORY, &[])).await;
    let mut a = start(2, server(MEMORY, &[&hub])).await;
    a.event(|event| matches!(event, Event::Connected { .. }))
        .await;
    hub.view(a.id(), |view| view.agent.is_some()).await;
    let c = start(3, server(MEMORY, &[&hub])).await;
    let record = |event: &Event| matches!(event, Event::Record { .. });

    a.mesh
        .put_record(b"good".to_vec(), b"signed".to_vec())
        .await;
    let Event::Record {
        from,
        key,
        value,
        verdict,
    } = hub.event(record).await
    else {
        unreachable!()
    };
    assert_eq!(
        (from, key, value),
        (a.id(), b"good".to_vec(), b"signed".to_vec())
    );
    verdict.accept();

    a.mesh.put_record(b"bad".to_vec(), b"forged".to_vec()).await;
    let Event::Record { verdict, .. } = hub.event(record).await else {
        unreachable!()
    };
    verdict.reject();
    let view = hub.view(a.id(), |view| view.offences == 1).await;
    assert!(view.score < 0.0);

    a.stop.cancel();
    within(&mut a.actor).await.unwrap();
    assert_eq!(
        c.mesh.get_records(b"good".to_vec(), LIMIT).await,
        [b"signed".to_vec()]
    );
    assert_eq!(c.mesh.get_records(b"bad".to_vec(), LIMIT).await, [b""; 0]);
}

#[tokio::test]
async fn a_node_goes_on_without_its_bootstrap_and_finds_it_again() {
    let hub = start(1, server(TCP, &[])).await;
    let mut a = start(2, server(TCP, &[&hub])).await;
    a.event(|event| matches!(event, Event::Connected { .. }))
        .await;
    hub.view(a.id(), |view| view.agent.is_some()).await;
    let mut c = start(3, server(TCP, &[&hub])).await;
    // The hub's own lookups bring its two neighbours together.
    c.event(|event| matches!(event, Event::Connected { peer } if *peer == a.id()))
        .await;
    let (hub_id, address) = (
        hub.id(),
        hub.addresses[0].split("/p2p/").next().unwrap().to_owned(),
    );
    drop(hub);
    c.event(|event| matches!(event, Event::Disconnected { peer } if *peer == hub_id))
        .await;
    a.serve();
    let answer = c
        .mesh
        .request(a.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);
    assert_eq!(c.view(hub_id, |_| true).await.found_by, FoundBy::Bootstrap);
    let again = start(1, server(&address, &[])).await;
    assert_eq!(again.id(), hub_id);
    c.event(|event| matches!(event, Event::Connected { peer } if *peer == hub_id))
        .await;
}

#[tokio::test]
async fn kademlia_alone_does_not_connect_everybody_with_everybody() {
    let hub = start(1, server(MEMORY, &[])).await;
    let mut nodes = Vec::new();
    for number in 2..=30 {
        let mut node = start(number, server(MEMORY, &[&hub])).await;
        node.event(|event| matches!(event, Event::Connected { .. }))
            .await;
        nodes.push(node);
    }
    // Everybody can still find everybody.
    nodes[0].serve();
    let first = nodes[0].id();
    let last = nodes.last().unwrap();
    let answer = last
        .mesh
        .request(first, Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);
    // Kademlia has bootstrapped when the star has become a net.
    let connections = within(async {
        loop {
            let mut connections = Vec::new();
            for node in &nodes {
                let peers = node.mesh.peers().await;
                connections.push(peers.iter().filter(|view| view.connected).count());
            }
            connections.sort_unstable();
            if connections[0] >= 5 {
                return connections;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let median = connections[connections.len() / 2];
    assert!(median <= 12, "{connections:?}");
}

#[tokio::test]
async fn a_lookup_ends_at_its_deadline() {
    // It takes connections and says nothing, so that the lookup would last until the handshake is given up.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ghost = key(9).peer_id();
    let address = format!(
        "/ip4/127.0.0.1/tcp/{}/p2p/{ghost}",
        deaf.local_addr().unwrap().port()
    );
    let node = start(
        2,
        Config {
            bootstrap: vec![address],
            ..server(TCP, &[])
        },
    )
    .await;
    let span = Duration::from_millis(50);
    tokio::select! {
        biased;
        found = node.mesh.providers(b"x".to_vec(), span) => assert_eq!(found, []),
        _ = node.view(ghost, |view| view.failure.is_some()) => panic!("it waited for the dial"),
    }
}
