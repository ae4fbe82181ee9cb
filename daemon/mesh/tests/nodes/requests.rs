//! Requests between nodes: over each transport, refused, late, too many, to nobody.

use std::time::Duration;

use crate::support::{LIMIT, MEMORY, QUIC, TCP, key, quiet, start, within};
use edgecoder_mesh::{
    Config, DialStep, Event, FoundBy, Mesh, ReplyError, RequestError, Service, StartError,
};
use edgecoder_protocol::PeerId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn every_service_answers_over_every_transport() {
    for (listen, part) in [(TCP, "/tcp/"), (QUIC, "/quic-v1"), (MEMORY, "/memory/")] {
        let mut server = start(1, quiet(listen)).await;
        let client = start(2, quiet(listen)).await;
        assert!(server.addresses[0].contains(part), "{:?}", server.addresses);
        client
            .mesh
            .learn(server.id(), server.addresses.clone(), FoundBy::Invite)
            .await;
        server.serve();
        for service in [
            Service::Control,
            Service::Inference,
            Service::Council,
            Service::Chunk,
        ] {
            let body = b"stressed".to_vec();
            let answer = client.mesh.request(server.id(), service, body, LIMIT).await;
            assert_eq!(answer.unwrap(), b"desserts", "{service:?} over {part}");
        }
        let view = client
            .view(server.id(), |view| view.round_trip.is_some())
            .await;
        assert!(view.connected && view.address.unwrap().contains(part));
        assert_eq!(view.found_by, FoundBy::Invite);
    }
}

#[tokio::test]
async fn the_largest_bodies_pass_and_larger_ones_are_not_sent() {
    let mut server = start(1, quiet(MEMORY)).await;
    let mut client = start(2, quiet(MEMORY)).await;
    client.join(&server).await;
    for service in [
        Service::Control,
        Service::Inference,
        Service::Council,
        Service::Chunk,
    ] {
        let to = server.id();
        let ask = |bytes| client.mesh.request(to, service, vec![1; bytes], LIMIT);
        let max = service.request_max();
        assert_eq!(
            ask(max + 1).await,
            Err(RequestError::TooLarge {
                bytes: max + 1,
                max
            })
        );
        let answer = async {
            let is_request = |event: &Event| matches!(event, Event::Request { .. });
            let Event::Request { body, reply, .. } = server.event(is_request).await else {
                unreachable!()
            };
            assert_eq!(body.len(), max);
            reply.send(vec![2; service.response_max()]).unwrap();
        };
        let (answered, ()) = tokio::join!(ask(max), answer);
        assert_eq!(
            answered.unwrap().len(),
            service.response_max(),
            "{service:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_reply_refuses_a_large_one_too_and_a_late_one_is_noticed() {
    let mut server = start(1, quiet(MEMORY)).await;
    let mut client = start(2, quiet(MEMORY)).await;
    client.join(&server).await;
    let to = server.id();
    let ask = |span| client.mesh.request(to, Service::Control, vec![1], span);
    let is_request = |event: &Event| matches!(event, Event::Request { .. });

    let (answer, ()) = tokio::join!(ask(LIMIT), async {
        drop(server.event(is_request).await);
    });
    assert!(
        matches!(answer, Err(RequestError::Refused { .. })),
        "{answer:?}"
    );

    let (answer, ()) = tokio::join!(ask(LIMIT), async {
        let Event::Request { reply, .. } = server.event(is_request).await else {
            unreachable!()
        };
        let (bytes, max) = (300 * 1024, 256 * 1024);
        assert_eq!(
            reply.send(vec![0; bytes]),
            Err(ReplyError::TooLarge { bytes, max })
        );
    });
    assert!(
        matches!(answer, Err(RequestError::Refused { .. })),
        "{answer:?}"
    );

    assert_eq!(
        ask(Duration::from_millis(300)).await,
        Err(RequestError::Deadline)
    );
    let view = client.view(server.id(), |_| true).await;
    assert_eq!(
        (view.offences, view.connected),
        (0, true),
        "nobody did anything wrong"
    );
}

#[tokio::test]
async fn nobody_there_says_which_step_failed() {
    let client = start(2, quiet(TCP)).await;
    let peer = key(9).peer_id();
    let ask = || client.mesh.request(peer, Service::Control, vec![1], LIMIT);
    let step = |answer: Result<Vec<u8>, RequestError>| match answer {
        Err(RequestError::Unreachable { step, reason }) => (step, reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(step(ask().await).0, DialStep::Resolve);

    // A port that was just free is refused at once.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("/ip4/127.0.0.1/tcp/{free}");
    client
        .mesh
        .learn(peer, vec![address.clone()], FoundBy::Invite)
        .await;
    let (found, reason) = step(ask().await);
    assert_eq!(found, DialStep::Transport);
    assert!(reason.contains(&address), "{reason}");
    let failure = client
        .view(peer, |view| view.failure.is_some())
        .await
        .failure
        .unwrap();
    assert_eq!(failure.step, DialStep::Transport);
    assert!(failure.address.starts_with(&address), "{failure:?}");

    // Somebody else lives there.
    let other = start(3, quiet(TCP)).await;
    let address = other.addresses[0].split("/p2p/").next().unwrap().to_owned();
    let stranger = key(8).peer_id();
    client
        .mesh
        .learn(stranger, vec![address], FoundBy::Invite)
        .await;
    let answer = client
        .mesh
        .request(stranger, Service::Control, vec![1], LIMIT)
        .await;
    assert_eq!(step(answer).0, DialStep::WrongPeer);

    let answer = client
        .mesh
        .request(client.id(), Service::Control, vec![1], LIMIT)
        .await;
    assert_eq!(
        step(answer).0,
        DialStep::WrongPeer,
        "a node does not ask itself"
    );
}

#[tokio::test]
async fn a_blocked_peer_is_neither_asked_nor_heard() {
    let mut server = start(1, quiet(MEMORY)).await;
    let mut client = start(2, quiet(MEMORY)).await;
    client.join(&server).await;
    client.mesh.block(server.id()).await;
    let gone = |event: &Event| matches!(event, Event::Disconnected { .. });
    client.event(gone).await;
    server.event(gone).await;
    let answer = client
        .mesh
        .request(server.id(), Service::Control, vec![1], LIMIT)
        .await;
    assert_eq!(answer, Err(RequestError::Blocked));
    let view = client.view(server.id(), |_| true).await;
    assert!(view.blocked);
    assert_eq!(view.failure.unwrap().step, DialStep::Blocked);

    server
        .mesh
        .dial(client.id(), client.addresses.clone())
        .await;
    client.mesh.unblock(server.id()).await;
    server.serve();
    let answer = client
        .mesh
        .request(server.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);
}

#[tokio::test]
async fn more_than_the_window_to_one_peer_is_busy_and_another_peer_is_not() {
    let mut silent = start(1, quiet(MEMORY)).await;
    let mut other = start(3, quiet(MEMORY)).await;
    let mut client = start(2, quiet(MEMORY)).await;
    client.join(&silent).await;
    client.join(&other).await;
    other.serve();
    let window = Service::Inference.in_flight_max();
    let mut asked = JoinSet::new();
    for _ in 0..window {
        let (mesh, peer) = (client.mesh.clone(), silent.id());
        asked.spawn(async move { mesh.request(peer, Service::Inference, vec![1], LIMIT).await });
    }
    let mut held = Vec::new();
    for _ in 0..window {
        held.push(
            silent
                .event(|event| matches!(event, Event::Request { .. }))
                .await,
        );
    }
    let ask = |peer, service| client.mesh.request(peer, service, vec![5, 6], LIMIT);
    assert_eq!(
        ask(silent.id(), Service::Inference).await,
        Err(RequestError::Busy)
    );
    assert_eq!(ask(other.id(), Service::Inference).await.unwrap(), [6, 5]);
    // Withdrawn requests make room.
    asked.shutdown().await;
    silent.serve();
    within(async {
        while ask(silent.id(), Service::Inference).await == Err(RequestError::Busy) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_daemon_that_takes_no_events_refuses_and_does_not_block_the_swarm() {
    let mut server = start(1, quiet(MEMORY)).await;
    let mut clients = Vec::new();
    for number in 0..24 {
        let mut client = start(10 + number, quiet(MEMORY)).await;
        client.join(&server).await;
        clients.push(client);
    }
    let mut asked = JoinSet::new();
    for client in &clients {
        for _ in 0..60 {
            let (mesh, peer) = (client.mesh.clone(), server.id());
            asked.spawn(async move { mesh.request(peer, Service::Control, vec![1], LIMIT).await });
        }
    }
    // Of 1,440 the queue holds fewer than 1,024, so that some are refused while nobody takes any.
    let first = within(asked.join_next()).await.unwrap().unwrap();
    assert!(
        matches!(first, Err(RequestError::Refused { .. })),
        "{first:?}"
    );
    server.view(clients[0].id(), |view| view.connected).await;
    server.serve();
    let mut answered = 0;
    while let Some(answer) = within(asked.join_next()).await {
        match answer.unwrap() {
            Ok(_) => answered += 1,
            Err(RequestError::Refused { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(answered >= 800, "{answered} were answered");
}

#[tokio::test]
async fn a_node_in_a_hurry_paces_itself_and_is_never_taken_for_a_flood() {
    let mut server = start(1, quiet(MEMORY)).await;
    let mut client = start(2, quiet(MEMORY)).await;
    client.join(&server).await;
    server.serve();
    let mut asked = JoinSet::new();
    for _ in 0..Service::Control.in_flight_max() {
        let (mesh, peer) = (client.mesh.clone(), server.id());
        asked.spawn(async move {
            for _ in 0..24 {
                let answer = mesh.request(peer, Service::Control, vec![1], LIMIT).await;
                assert_eq!(answer.unwrap(), [1]);
            }
        });
    }
    while let Some(done) = within(asked.join_next()).await {
        done.unwrap();
    }
    assert_eq!(server.view(client.id(), |_| true).await.offences, 0);
}

#[tokio::test]
async fn a_stopped_mesh_answers_so_and_frees_its_port() {
    let mut server = start(1, quiet(TCP)).await;
    let mut client = start(2, quiet(TCP)).await;
    client.join(&server).await;
    let address = server.addresses[0]
        .split("/p2p/")
        .next()
        .unwrap()
        .to_owned();
    server.stop.cancel();
    within(&mut server.actor).await.unwrap();
    let gone = server
        .mesh
        .request(client.id(), Service::Control, vec![1], LIMIT)
        .await;
    assert_eq!(gone, Err(RequestError::Stopped));
    assert_eq!(server.mesh.peers().await, []);
    client
        .event(|event| matches!(event, Event::Disconnected { .. }))
        .await;
    let again = start(1, quiet(&address)).await;
    assert!(again.addresses[0].starts_with(&address));
}

#[tokio::test]
async fn a_mesh_ends_with_its_last_handle() {
    let mut node = start(1, quiet(MEMORY)).await;
    let (unused, actor) = (
        node.mesh.clone(),
        std::mem::replace(&mut node.actor, tokio::spawn(async {})),
    );
    let stop = std::mem::take(&mut node.stop);
    drop(node);
    drop(unused);
    within(actor).await.unwrap();
    assert!(!stop.is_cancelled());
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let psk = Some(edgecoder_mesh::Psk([3; 32]));
    let try_start = |config: Config| Mesh::start(config, &key(1), CancellationToken::new()).err();
    let bad = Config {
        bootstrap: vec!["/ip4/127.0.0.1/tcp/1".into()],
        ..quiet(TCP)
    };
    assert!(
        matches!(try_start(bad), Some(StartError::Address { purpose, .. }) if purpose.contains("ID"))
    );
    assert!(matches!(
        try_start(quiet("nonsense")),
        Some(StartError::Address { .. })
    ));
    assert!(matches!(
        try_start(Config { psk, ..quiet(QUIC) }),
        Some(StartError::QuicWithPsk { .. })
    ));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port());
    let error = try_start(quiet(&address)).unwrap();
    assert!(matches!(&error, StartError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&address), "{error}");
}

#[test]
fn a_mesh_needs_a_runtime() {
    let error = Mesh::start(quiet(TCP), &key(1), CancellationToken::new()).err();
    assert!(matches!(error, Some(StartError::NoRuntime)));
}

#[tokio::test]
async fn a_private_network_lets_nobody_in_without_its_key() {
    let with = |byte| Config {
        psk: Some(edgecoder_mesh::Psk([byte; 32])),
        ..quiet(TCP)
    };
    let mut server = start(1, with(1)).await;
    server.serve();
    let friend = start(2, with(1)).await;
    friend
        .mesh
        .learn(server.id(), server.addresses.clone(), FoundBy::Invite)
        .await;
    let answer = friend
        .mesh
        .request(server.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);
    for (number, config) in [(3, with(2)), (4, quiet(TCP))] {
        let stranger = start(number, config).await;
        stranger
            .mesh
            .learn(server.id(), server.addresses.clone(), FoundBy::Invite)
            .await;
        let answer = stranger
            .mesh
            .request(server.id(), Service::Control, vec![1], LIMIT)
            .await;
        let step = DialStep::Handshake;
        assert!(
            matches!(answer, Err(RequestError::Unreachable { step: found, .. }) if found == step),
            "{answer:?}"
        );
        let view = stranger
            .view(server.id(), |view| view.failure.is_some())
            .await;
        assert!(!view.connected);
        assert_eq!(view.failure.unwrap().step, step);
    }
    let known: Vec<PeerId> = server
        .mesh
        .peers()
        .await
        .iter()
        .map(|view| view.peer)
        .collect();
    assert_eq!(known, [friend.id()]);
}
