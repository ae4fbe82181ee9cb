//! Leave to ask a model: the coordinator's word for one caller, one model, some tokens and some minutes.

use std::fs;

use edgecoder_protocol::{
    Hash, Millis, NetworkId, Signed, TaskId, Tokens,
    generation::{GenerateRequest, Message, Sampling, Speaker},
    key::NodeKey,
    wire::{ModelAnswer, ModelAsk},
    work::{AttemptId, CapabilityToken, TOKEN_MAX_MS},
};

use crate::support::{
    network::Node,
    peer::{Peer, Scene, id, now},
};

/// What is asked: 8 tokens.
pub fn generate(token: Signed<CapabilityToken>) -> ModelAsk {
    let message = Message {
        role: Speaker::User,
        content: "Write a function one() that returns 1.".into(),
    };
    let request = GenerateRequest {
        messages: vec![message],
        prefix: "def ".into(),
        candidates: 1,
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
        },
        budget: Tokens(8),
        answer_max: Tokens(8),
        deadline_ms: 20_000,
    };
    let request = Box::new(request);
    ModelAsk::Generate { token, request }
}

#[track_caller]
fn is_refused(peer: &Peer, slot: &Node, ask: &ModelAsk, why: &str) {
    let ModelAnswer::Refused(error) = peer.ask_model(id(slot).parse().unwrap(), ask) else {
        panic!("not refused: {why}");
    };
    assert!(error.message.contains(why), "no {why:?} in {error:?}");
    assert!(!error.next.is_empty(), "{error:?}");
}

type Change = fn(&mut CapabilityToken);

/// What a token may not say, by whom it is asked about, and why it is refused.
const BAD: [(Change, &str); 6] = [
    (|token| token.term -= 1, "of another term"),
    (
        |token| token.network = NetworkId([9; 32]),
        "for another network",
    ),
    (
        |token| token.caller.0 = Hash::of(b"somebody").0,
        "another node's",
    ),
    (
        |token| token.issued = Millis(token.issued.0 - u64::from(TOKEN_MAX_MS)),
        "has expired",
    ),
    (
        |token| token.issued = Millis(token.issued.0 + 60_000),
        "has expired",
    ),
    (|token| token.budget = Tokens(7), "used up"),
];

/// Every token here has another attempt, so that none uses up another's budget.
pub fn token(peer: &Peer, slot: &Node, attempt: u32) -> CapabilityToken {
    CapabilityToken {
        network: peer.network(),
        attempt: AttemptId {
            task: TaskId([1; 16]),
            subtask: 0,
            attempt,
        },
        caller: peer.id(),
        slot: id(slot).parse().unwrap(),
        budget: Tokens(8),
        term: slot.view()["coordinator"]["term"].as_u64().unwrap(),
        issued: now(),
        life_ms: TOKEN_MAX_MS,
    }
}

#[test]
fn a_model_is_asked_with_the_coordinators_leave_for_it_and_within_that() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "caller");
    let other = Peer::join(&scene.network, "other caller");
    let slot = scene.network.join("agent,worker,inference", &[]);
    for node in [&scene.workers[0], &slot] {
        let addresses = serde_json::from_value(node.view()["addresses"].clone()).unwrap();
        for peer in [&peer, &other] {
            peer.learn(id(node).parse().unwrap(), Clone::clone(&addresses));
        }
    }
    // What the coordinator would sign, the test can: it has its key.
    let stored = fs::read(scene.network.founder.home.data().join("node.key")).unwrap();
    let coordinator = NodeKey::from_stored(&stored).unwrap();
    let sign = |token| Signed::new(token, &coordinator);
    for (attempt, (change, why)) in (10..).zip(BAD) {
        let mut bad = token(&peer, &slot, attempt);
        change(&mut bad);
        is_refused(&peer, &slot, &generate(sign(bad)), why);
    }
    let good = |attempt| token(&peer, &slot, attempt);
    let card = |token| ModelAsk::Card { token };
    // Its own word, a changed one, another's leave, a leave for another model, no model at all.
    let forged = Signed::new(good(20), peer.key());
    is_refused(
        &peer,
        &slot,
        &generate(forged),
        "not signed by the coordinator",
    );
    let mut bytes = sign(good(20)).to_bytes();
    bytes[9] ^= 1;
    let damaged = Signed::from_bytes(&bytes).unwrap();
    is_refused(&peer, &slot, &generate(damaged), "not signed by");
    is_refused(&other, &slot, &card(sign(good(20))), "another node's");
    let founder = &scene.network.founder;
    is_refused(&peer, founder, &generate(sign(good(20))), "another model");
    let worker = &scene.workers[0];
    let of_worker = sign(token(&peer, worker, 20));
    is_refused(&peer, worker, &generate(of_worker), "answers for no model");
    // None of that used anything up; and what is used up stays so.
    let to = id(&slot).parse().unwrap();
    let ask = generate(sign(good(20)));
    let answer = peer.ask_model(to, &ask);
    let ModelAnswer::Generation(generation) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        generation.generated_tokens,
        Tokens(8),
        "the test needs all of them used"
    );
    is_refused(&peer, &slot, &ask, "used up");
    scene.still_works(1);
}
