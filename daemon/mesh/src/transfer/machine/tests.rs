//! What a transfer asks of whom, one rule a test: inputs at given moments, and all that is said to each.

use super::*;
use Said::{Ask, Begin, End, Withdraw, Write};
use Want::Chunk;
use edgecoder_protocol::content::CHUNK;
use harness::{Content, Said, TAIL, Transfer, chunk_asks, fetched, peers};

mod harness;

#[test]
fn nothing_but_the_outline_is_asked_until_it_is_verified_and_the_sink_is_ready() {
    let mut transfer = Transfer::new(2, 2);
    assert_eq!(transfer.tick(0), [Ask(1, Want::Outline)]);
    assert_eq!(transfer.tick(1), []);
    assert_eq!(transfer.give(2, 1, Want::Outline), [Begin]);
    assert_eq!(
        (transfer.tick(5_000), transfer.wake_at(5_000)),
        (vec![], None)
    );
    let missing = vec![0, 1];
    let asks = transfer.at(5_000, Input::Begun { missing });
    assert_eq!(asks, chunk_asks(&[(1, 0), (2, 1)]));
    assert_eq!(transfer.give(5_001, 1, Chunk(0)), [Write(0)]);
    assert_eq!(transfer.give(5_001, 2, Chunk(1)), [Write(1)]);
    assert_eq!(transfer.written(5_002, 1), []);
    assert_eq!(transfer.written(5_003, 0), [End(Ok(()))]);
    let all = fetched(&[(1, CHUNK), (2, TAIL)], &[]);
    assert_eq!(transfer.machine.into_fetched(), all);
}

#[test]
fn a_wrong_outline_is_asked_of_another_and_its_giver_reported() {
    let content = Content::new(3);
    let outline = |outline: &[u8]| ContentResponse::Outline(outline).encode();
    let encoded = content.outline.encode();
    let mut flipped = encoded.clone();
    flipped[40] ^= 1;
    let (wrong, malformed) = (OffenceKind::WrongOutline, OffenceKind::Malformed);
    for (name, answer, offence) in [
        ("one bit", outline(&flipped), Some(wrong)),
        (
            "another's",
            Content::new(2).give(Want::Outline),
            Some(wrong),
        ),
        ("cut off", outline(&encoded[..99]), Some(wrong)),
        ("a chunk", content.give(Chunk(0)), Some(malformed)),
        ("nothing", vec![], Some(malformed)),
        ("no tag of ours", vec![9, 9], Some(malformed)),
        ("absent", ContentResponse::Absent.encode(), None),
    ] {
        let mut transfer = Transfer::new(3, 2);
        assert_eq!(transfer.tick(0), [Ask(1, Want::Outline)], "{name}");
        let next = transfer.answer(1, 1, Want::Outline, Ok(answer));
        assert_eq!(next, [Withdraw(1), Ask(2, Want::Outline)], "{name}");
        assert_eq!(transfer.give(2, 2, Want::Outline), [Begin], "{name}");
        let missing = vec![2];
        let asks = transfer.at(2, Input::Begun { missing });
        assert_eq!(asks, chunk_asks(&[(2, 2)]), "{name}: 1 is asked no more");
        let offences: Vec<_> = offence.map(|kind| (1, kind)).into_iter().collect();
        let found = transfer.machine.into_fetched();
        assert_eq!(found, fetched(&[], &offences), "{name}");
    }
}

#[test]
fn a_wrong_chunk_drops_its_giver_who_is_reported_once() {
    let content = Content::new(3);
    let mut flipped = content.give(Chunk(0));
    flipped[5_000] ^= 1;
    let long = [content.chunk(0), &[1]].concat();
    let (wrong, malformed) = (OffenceKind::WrongChunk { index: 0 }, OffenceKind::Malformed);
    for (name, answer, offence) in [
        ("one bit", flipped, Some(wrong)),
        ("another chunk", content.give(Chunk(1)), Some(wrong)),
        (
            "too short",
            content.give(Chunk(0))[..CHUNK].to_vec(),
            Some(wrong),
        ),
        (
            "too long",
            ContentResponse::Chunk(&long).encode(),
            Some(malformed),
        ),
        ("an outline", content.give(Want::Outline), Some(malformed)),
        ("nothing", vec![], Some(malformed)),
        ("absent", ContentResponse::Absent.encode(), None),
    ] {
        let (mut transfer, asks) = Transfer::begun(3, 2);
        assert_eq!(asks, chunk_asks(&[(1, 0), (2, 1), (1, 2)]), "{name}");
        let next = transfer.answer(1, 1, Chunk(0), Ok(answer));
        // Its other chunk waits until 2 has room.
        assert_eq!(next, [Withdraw(1), Ask(2, Chunk(0))], "{name}");
        let more = transfer.answer(2, 1, Chunk(2), Ok(vec![9]));
        assert_eq!(more, [], "{name}: whatever else it says is not looked at");
        let next = transfer.give(3, 2, Chunk(1));
        assert_eq!(next, [Write(1), Ask(2, Chunk(2))], "{name}");
        assert_eq!(transfer.give(4, 2, Chunk(0)), [Write(0)], "{name}");
        assert_eq!(transfer.give(5, 2, Chunk(2)), [Write(2)], "{name}");
        for index in 0..2 {
            assert_eq!(transfer.written(6, index), [], "{name}");
        }
        assert_eq!(transfer.written(6, 2), [End(Ok(()))], "{name}");
        let offences: Vec<_> = offence.map(|kind| (1, kind)).into_iter().collect();
        let found = transfer.machine.into_fetched();
        assert_eq!(
            found,
            fetched(&[(2, 2 * CHUNK + TAIL)], &offences),
            "{name}"
        );
    }
}

#[test]
fn chunks_are_spread_over_the_providers_and_a_quick_one_is_asked_for_more() {
    let (mut transfer, asks) = Transfer::begun(12, 3);
    let spread = [(1, 0), (2, 1), (3, 2), (1, 3), (2, 4), (3, 5)];
    assert_eq!(asks, chunk_asks(&spread));
    // A window of three now: one is on the way, two more are asked.
    let next = transfer.give(100, 1, Chunk(0));
    assert_eq!(next, [Write(0), Ask(1, Chunk(6)), Ask(1, Chunk(7))]);
    // Of four, and there it stays.
    let next = transfer.give(200, 1, Chunk(3));
    assert_eq!(next, [Write(3), Ask(1, Chunk(8)), Ask(1, Chunk(9))]);
    let next = transfer.give(300, 1, Chunk(6));
    assert_eq!(next, [Write(6), Ask(1, Chunk(10))]);
    // One that takes long keeps its window of two.
    let next = transfer.give(4_001, 2, Chunk(1));
    assert_eq!(next, [Write(1), Ask(2, Chunk(11))]);
    assert_eq!(transfer.give(4_002, 3, Chunk(2)), [Write(2)]);
}

#[test]
fn no_more_is_on_the_way_than_the_bound_and_what_is_being_written_counts() {
    let (mut transfer, asks) = Transfer::begun(20, 12);
    assert_eq!(asks.len(), ON_THE_WAY_MAX);
    assert_eq!(transfer.give(1, 1, Chunk(0)), [Write(0)]);
    assert_eq!(transfer.give(2, 2, Chunk(1)), [Write(1)]);
    assert_eq!(transfer.tick(3), []);
    assert_eq!(transfer.written(4, 1), [Ask(1, Chunk(16))]);
    assert_eq!(transfer.written(5, 0), [Ask(2, Chunk(17))]);
    // Two were on the way from a provider that is dropped: its places are free.
    let next = transfer.answer(6, 3, Chunk(2), Ok(vec![9]));
    assert_eq!(next, [Withdraw(3), Ask(5, Chunk(2)), Ask(6, Chunk(14))]);
}

#[test]
fn a_provider_is_named_once_and_those_beyond_the_limit_are_not_asked() {
    let providers = peers((1..=70).flat_map(|number| [number, number]));
    let mut transfer = Transfer::with(1, &providers, None);
    let mut said = transfer.tick(0);
    let mut asked = Vec::new();
    while let Some(Ask(from, want)) = said.pop() {
        asked.push(from);
        said = transfer.answer(0, from, want, Ok(ContentResponse::Absent.encode()));
    }
    let all: Vec<u8> = (1..=PROVIDERS_MAX as u8).collect();
    assert_eq!(asked, all);
}

#[test]
fn a_busy_and_a_silent_provider_are_asked_again_later_and_not_for_ever() {
    let busy = ContentResponse::Busy.encode();
    let unreachable = AskError::Unreachable("cut off".into());
    for (name, answer, setbacks) in [
        ("busy there", Ok(busy), 10),
        ("busy here", Err(AskError::Busy), 10),
        ("silent", Err(AskError::Timeout), 3),
        ("unreachable", Err(unreachable), 3),
    ] {
        let (mut transfer, asks) = Transfer::begun(2, 1);
        let both = chunk_asks(&[(1, 0), (1, 1)]);
        assert_eq!(asks, both, "{name}");
        let mut now = 0;
        for round in 0..setbacks - 1 {
            for want in [Chunk(0), Chunk(1)] {
                let next = transfer.answer(now, 1, want, answer.clone());
                assert_eq!(next, [], "{name}, {round}");
            }
            let until = transfer.wake_at(now).unwrap();
            assert_eq!(until - now, (500 << round).min(8_000), "{name}, {round}");
            assert_eq!(transfer.tick(until - 1), [], "{name}, {round}");
            assert_eq!(transfer.tick(until), both, "{name}, {round}");
            now = until;
        }
        let end = transfer.answer(now, 1, Chunk(0), answer);
        let no_provider = transfer.content.no_provider(2);
        assert_eq!(end, [Withdraw(1), no_provider], "{name}");
        assert_eq!(
            transfer.machine.into_fetched(),
            Fetched::default(),
            "{name}"
        );
    }
}

#[test]
fn what_a_busy_provider_did_not_give_is_asked_of_another_at_once() {
    let (mut transfer, asks) = Transfer::begun(2, 2);
    assert_eq!(asks, chunk_asks(&[(1, 0), (2, 1)]));
    let busy = || Ok(ContentResponse::Busy.encode());
    let next = transfer.answer(10, 1, Chunk(0), busy());
    assert_eq!(next, chunk_asks(&[(2, 0)]));
    // And 1 is idle when its wait is over, but 2 has not had its second yet.
    assert_eq!(transfer.wake_at(10), Some(510));
    assert_eq!(transfer.tick(510), []);
    assert_eq!(transfer.wake_at(510), Some(1_000));
}

#[test]
fn what_takes_long_is_asked_of_an_idle_provider_too_and_the_late_answer_is_ignored() {
    let late = [
        ("right", Ok(Content::new(2).give(Chunk(0)))),
        ("wrong", Ok(vec![9])),
        ("absent", Ok(ContentResponse::Absent.encode())),
        ("none", Err(AskError::Timeout)),
    ];
    for (name, late) in late {
        let (mut transfer, asks) = Transfer::begun(2, 2);
        assert_eq!(asks, chunk_asks(&[(1, 0), (2, 1)]), "{name}");
        assert_eq!(transfer.give(300, 2, Chunk(1)), [Write(1)], "{name}");
        assert_eq!(transfer.written(301, 1), [], "{name}");
        assert_eq!(transfer.wake_at(301), Some(1_000), "{name}");
        assert_eq!(transfer.tick(999), [], "{name}");
        let copy = transfer.tick(1_000);
        assert_eq!(copy, chunk_asks(&[(2, 0)]), "{name}");
        assert_eq!(transfer.give(1_400, 2, Chunk(0)), [Write(0)], "{name}");
        let next = transfer.answer(1_500, 1, Chunk(0), late);
        assert_eq!(next, [], "{name}");
        assert_eq!(transfer.wake_at(1_500), None, "{name}: nothing to wait for");
        assert_eq!(transfer.written(1_600, 0), [End(Ok(()))], "{name}");
        let found = transfer.machine.into_fetched();
        assert_eq!(found, fetched(&[(2, CHUNK + TAIL)], &[]), "{name}");
    }
}

#[test]
fn no_more_copies_are_asked_than_the_limit() {
    let mut transfer = Transfer::new(1, 5);
    let mut asks = transfer.tick(0);
    for now in (1_000..9_000).step_by(1_000) {
        assert_eq!(transfer.tick(now - 1), []);
        asks.extend(transfer.tick(now));
    }
    let three = [1, 2, 3].map(|number| Ask(number, Want::Outline));
    assert_eq!(asks, three);
    // One that ended makes place for another.
    let late = transfer.answer(30_000, 1, Want::Outline, Err(AskError::Timeout));
    assert_eq!(late, [Ask(4, Want::Outline)]);
}

#[test]
fn a_content_above_the_limit_ends_at_once_whoever_said_its_size() {
    let content = Content::new(2);
    let (hash, outline) = (content.outline.hash(), &content.outline);
    let size = Bytes(content.bytes.len() as u64);
    let max = Bytes(size.0 - 1);
    let too_large = FetchCause::TooLarge { hash, size, max }.to_string();
    for left in [None, Some(outline.clone())] {
        let is_left = left.is_some();
        let machine = Machine::new(hash, &peers([1, 2]), max, left);
        let content = Content::new(2);
        let mut transfer = Transfer { content, machine };
        let mut end = transfer.tick(0);
        if !is_left {
            assert_eq!(end, [Ask(1, Want::Outline)]);
            end = transfer.give(1, 1, Want::Outline);
        }
        assert_eq!(end, [End(Err(too_large.clone()))], "{is_left}");
        assert_eq!((transfer.tick(9_999), transfer.wake_at(1)), (vec![], None));
        assert_eq!(transfer.machine.into_fetched(), Fetched::default());
    }
}

#[test]
fn after_an_earlier_attempt_only_what_is_missing_is_asked() {
    let outline = Content::new(5).outline;
    let mut transfer = Transfer::with(5, &peers([1, 2]), Some(outline.clone()));
    assert_eq!(transfer.tick(0), [Begin], "the outline is known");
    let missing = vec![1, 4];
    let asks = transfer.at(1, Input::Begun { missing });
    assert_eq!(asks, chunk_asks(&[(1, 1), (2, 4)]));
    assert_eq!(transfer.give(2, 2, Chunk(4)), [Write(4)]);
    assert_eq!(transfer.give(3, 1, Chunk(1)), [Write(1)]);
    assert_eq!(transfer.written(4, 1), []);
    assert_eq!(transfer.written(4, 4), [End(Ok(()))]);

    let mut transfer = Transfer::with(5, &[], Some(outline));
    assert_eq!(transfer.tick(0), [Begin]);
    let missing = vec![];
    let end = transfer.at(1, Input::Begun { missing });
    assert_eq!(
        end,
        [End(Ok(()))],
        "nothing is missing, so nobody is needed"
    );
}

#[test]
fn an_outline_that_an_earlier_attempt_left_is_not_trusted() {
    let others = Content::new(4).outline;
    let mut transfer = Transfer::with(5, &peers([1]), Some(others));
    assert_eq!(transfer.tick(0), [Ask(1, Want::Outline)]);
    assert_eq!(transfer.give(1, 1, Want::Outline), [Begin]);
}

#[test]
fn without_providers_it_ends_and_says_how_much_is_missing() {
    let mut transfer = Transfer::new(2, 0);
    let no_outline = transfer.content.no_outline();
    assert_eq!(transfer.tick(0), [no_outline]);

    // The last provider is dropped; what is being written comes first.
    let (mut transfer, _) = Transfer::begun(3, 1);
    assert_eq!(transfer.give(1, 1, Chunk(0)), [Write(0), Ask(1, Chunk(2))]);
    let lie = transfer.answer(2, 1, Chunk(1), Ok(vec![9]));
    assert_eq!(lie, [Withdraw(1)]);
    let no_provider = transfer.content.no_provider(2);
    assert_eq!(transfer.written(3, 0), [no_provider]);
    assert_eq!(transfer.tick(4), [], "nothing after the end");
    let found = transfer.machine.into_fetched();
    let offences = [(1, OffenceKind::Malformed)];
    assert_eq!(found, fetched(&[(1, CHUNK)], &offences));
}

#[test]
fn a_sink_that_fails_ends_it() {
    let (mut transfer, _) = Transfer::begun(2, 1);
    assert_eq!(transfer.give(1, 1, Chunk(0)), [Write(0)]);
    let full = SinkError("the disk is full".into());
    let end = transfer.at(2, Input::Broken(full));
    let cause = "cannot write the content: the disk is full";
    assert_eq!(end, [End(Err(cause.into()))]);
    assert_eq!(transfer.give(3, 1, Chunk(1)), []);
}
