//! Lines between nodes: over each transport, in order, within bounds, lost and open again, and with nobody who is not
//! kept.

use std::time::Duration;

use crate::{
    hostile::{Foe, id},
    support::{MEMORY, NETWORK, Node, QUIC, TCP, quiet, start, within},
};
use edgecoder_mesh::{Event, Line, SayError, Words};
use edgecoder_protocol::PeerId;
use tokio::time::{sleep, timeout};

/// Nothing that is to happen takes so long here.
const NEVER: Duration = Duration::from_millis(700);

/// Two connected nodes that keep lines with each other.
async fn pair(listen: &str) -> (Node, Node) {
    let mut one = start(1, quiet(listen)).await;
    let other = start(2, quiet(listen)).await;
    one.mesh.keep_lines(vec![other.id()]).await;
    other.mesh.keep_lines(vec![one.id()]).await;
    one.join(&other).await;
    (one, other)
}

/// Says it as soon as there is a line with room.
async fn say(node: &Node, to: PeerId, line: Line, body: &[u8]) {
    within(async {
        while let Err(error) = node.mesh.say(to, line, body.to_vec()) {
            assert!(matches!(error, SayError::NoLine | SayError::Full));
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn opened(node: &mut Node, which: Line) -> Words {
    let event = node
        .event(|event| matches!(event, Event::Line { line, .. } if *line == which))
        .await;
    match event {
        Event::Line { words, .. } => words,
        other => panic!("{other:?}"),
    }
}

async fn heard(words: &mut Words) -> Vec<u8> {
    within(words.next()).await.expect("the line is closed").body
}

#[tokio::test]
async fn words_come_in_their_order_over_every_transport() {
    for listen in [TCP, QUIC, MEMORY] {
        let (one, mut other) = pair(listen).await;
        let sizes = [0, 1, 300, 70_000, Line::Deciding.word_max()];
        let to = other.id();
        let saying = async {
            for number in 0..500_u32 {
                say(&one, to, Line::Deciding, &number.to_le_bytes()).await;
            }
            for size in sizes {
                say(&one, to, Line::Deciding, &vec![7; size]).await;
            }
        };
        let hearing = async {
            let mut words = opened(&mut other, Line::Deciding).await;
            for number in 0..500_u32 {
                assert_eq!(heard(&mut words).await, number.to_le_bytes(), "{listen}");
            }
            for size in sizes {
                assert_eq!(heard(&mut words).await, vec![7; size], "{listen}");
            }
        };
        tokio::join!(saying, hearing);
    }
}

#[tokio::test]
async fn a_line_that_a_peer_opens_opens_the_one_back() {
    let (one, mut other) = pair(TCP).await;
    say(&one, other.id(), Line::Duties, b"a question").await;
    let mut words = opened(&mut other, Line::Duties).await;
    assert_eq!(heard(&mut words).await, b"a question");
    // Without anything said before, which would open it as well.
    sleep(NEVER).await;
    assert_eq!(
        other
            .mesh
            .say(one.id(), Line::Duties, b"an answer".to_vec()),
        Ok(())
    );
}

#[tokio::test]
async fn what_is_longer_than_the_line_carries_is_not_sent() {
    let (one, other) = pair(MEMORY).await;
    for line in [Line::Deciding, Line::Duties] {
        let max = line.word_max();
        let bytes = max + 1;
        assert_eq!(
            one.mesh.say(other.id(), line, vec![0; bytes]),
            Err(SayError::TooLarge { bytes, max })
        );
    }
}

#[tokio::test]
async fn a_line_that_is_lost_with_its_connection_is_opened_again() {
    let (mut one, mut other) = pair(TCP).await;
    say(&one, other.id(), Line::Deciding, b"before").await;
    let mut words = opened(&mut other, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"before");
    let to = other.id();
    other.stop.cancel();
    (&mut other.actor).await.unwrap();
    one.event(|event| matches!(event, Event::Disconnected { .. }))
        .await;
    assert!(words.next().await.is_none());
    assert_eq!(
        one.mesh.say(to, Line::Deciding, b"lost".to_vec()),
        Err(SayError::NoLine)
    );

    let mut again = start(2, quiet(TCP)).await;
    again.mesh.keep_lines(vec![one.id()]).await;
    one.join(&again).await;
    say(&one, to, Line::Deciding, b"after").await;
    let mut words = opened(&mut again, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"after");
}

#[tokio::test]
async fn a_stranger_has_no_line_and_is_not_blamed() {
    let mut one = start(1, quiet(TCP)).await;
    let mut other = start(2, quiet(TCP)).await;
    // It keeps one; the other does not.
    one.mesh.keep_lines(vec![other.id()]).await;
    one.join(&other).await;
    let tries = async {
        loop {
            let said = one
                .mesh
                .say(other.id(), Line::Deciding, b"hear me".to_vec());
            assert_eq!(said, Err(SayError::NoLine));
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(NEVER, tries).await.is_err());
    // What it is not kept for is no reason to ask.
    assert_eq!(
        other.mesh.say(one.id(), Line::Deciding, b"hello".to_vec()),
        Err(SayError::NoLine)
    );
    let mut foe = Foe::connect(10, "/edgecoder/line/deciding/1", &other).await;
    assert!(foe.send(&word(1, NETWORK.0, 3, b"abc")).await);
    while let Ok(event) = other.events.try_recv() {
        assert!(!matches!(event, Event::Line { .. }), "{event:?}");
    }
    for peer in [one.id(), id(10)] {
        let view = other.view(peer, |view| view.connected).await;
        assert_eq!(view.offences, 0);
    }
}

#[tokio::test]
async fn who_is_kept_no_more_has_a_line_no_more() {
    let (one, mut other) = pair(TCP).await;
    say(&one, other.id(), Line::Deciding, b"still").await;
    let mut words = opened(&mut other, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"still");
    other.mesh.keep_lines(vec![]).await;
    assert!(within(words.next()).await.is_none());
    within(async {
        while one.mesh.say(other.id(), Line::Deciding, vec![1]).is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    other.mesh.keep_lines(vec![one.id()]).await;
    say(&one, other.id(), Line::Deciding, b"again").await;
    let mut words = opened(&mut other, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"again");
}

#[tokio::test]
async fn a_line_whose_words_nobody_takes_any_more_is_closed_and_opened_again() {
    let (one, mut other) = pair(MEMORY).await;
    say(&one, other.id(), Line::Deciding, b"before").await;
    drop(opened(&mut other, Line::Deciding).await);
    let lost = async {
        while one.mesh.say(other.id(), Line::Deciding, vec![1]) != Err(SayError::NoLine) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    within(lost).await;
    say(&one, other.id(), Line::Deciding, b"after").await;
    let mut words = opened(&mut other, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"after");
}

#[tokio::test]
async fn a_peer_that_does_not_take_its_words_holds_up_nobody_and_fills_nothing() {
    const SIZE: usize = 16 << 10;
    let (one, mut slow) = pair(TCP).await;
    let mut quick = start(3, quiet(TCP)).await;
    quick.mesh.keep_lines(vec![one.id()]).await;
    one.mesh.keep_lines(vec![slow.id(), quick.id()]).await;
    quick.join(&one).await;
    say(&one, slow.id(), Line::Deciding, &[1; SIZE]).await;
    let mut untaken = opened(&mut slow, Line::Deciding).await;
    // Until no more is taken for long.
    let mut said = 1;
    let filling = async {
        loop {
            match one.mesh.say(slow.id(), Line::Deciding, vec![1; SIZE]) {
                Ok(()) => said += 1,
                Err(SayError::Full) => {
                    sleep(NEVER).await;
                    if one.mesh.say(slow.id(), Line::Deciding, vec![1; SIZE]) == Err(SayError::Full)
                    {
                        return;
                    }
                    said += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    within(filling).await;
    // 2 MiB on either side, and what sockets and windows hold.
    assert!((128..2_000).contains(&said), "{said}");

    say(&one, quick.id(), Line::Deciding, b"quick").await;
    let mut words = opened(&mut quick, Line::Deciding).await;
    assert_eq!(heard(&mut words).await, b"quick");
    say(&one, slow.id(), Line::Duties, b"another line").await;
    let mut words = opened(&mut slow, Line::Duties).await;
    assert_eq!(heard(&mut words).await, b"another line");

    for _ in 0..said {
        assert_eq!(heard(&mut untaken).await, [1; SIZE]);
    }
    say(&one, slow.id(), Line::Deciding, b"room again").await;
    assert_eq!(heard(&mut untaken).await, b"room again");
}

/// A line's opening and a word of it.
fn word(version: u8, network: [u8; 32], length: u32, body: &[u8]) -> Vec<u8> {
    [&[version][..], &network, &length.to_le_bytes(), body].concat()
}

#[tokio::test]
async fn what_no_member_sends_closes_the_line_and_is_counted() {
    let mut node = start(1, quiet(TCP)).await;
    let cases = [
        ("another version", word(9, NETWORK.0, 3, b"abc"), 1),
        ("another network", word(1, [8; 32], 3, b"abc"), 1),
        (
            "more than a word has",
            word(1, NETWORK.0, (1 << 20) + 1, b"abc"),
            1,
        ),
        ("four gigabytes", word(1, NETWORK.0, u32::MAX, b""), 1),
        ("an end inside a word", word(1, NETWORK.0, 9, b"abc"), 1),
        ("an end after a word", word(1, NETWORK.0, 3, b"abc"), 0),
    ];
    for (number, (name, bytes, offences)) in (10..).zip(cases) {
        node.mesh.keep_lines(vec![id(number)]).await;
        let mut foe = Foe::connect(number, "/edgecoder/line/deciding/1", &node).await;
        assert!(foe.send(&bytes).await, "{name}");
        let mut words = opened(&mut node, Line::Deciding).await;
        let mut count = 0;
        while within(words.next()).await.is_some() {
            count += 1;
        }
        assert_eq!(count, usize::from(offences == 0), "{name}");
        let counted = node.view(id(number), |view| view.offences >= offences);
        let view = foe.run_while(&[], counted).await;
        assert_eq!(view.offences, offences, "{name}");
    }
}
