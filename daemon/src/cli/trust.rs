//! `edgecoder council request|requests|appeal|submit|rotate`: how a node asks to be admitted, objects to its listing, and
//! goes by another key; and what of that operators see.

use edgecoder_protocol::{
    key::NodeKey,
    ledger::entry::rotation,
    operator::{
        AppealRequest, AskAnswer, AskRequest, CouncilView, EntriesRequest, EntryLine, EntryOutcome,
        LedgerView, NodeStatus, PlacedView, RequestsView, RotateRequest,
    },
};

use super::{
    Place,
    args::StandingFlag,
    failure::{Failure, USAGE},
    files,
    manage::print_json,
    screen::{self, Tone},
};
use crate::{network, serve::random};

/// How an entry's line of this version begins.
const LINE: &str = "edgecoder-entry-1:";

/// `edgecoder council request`.
pub async fn request(at: &Place, standing: StandingFlag, note: String) -> Result<u8, Failure> {
    let standing = match standing {
        StandingFlag::Trusted => "trusted",
        StandingFlag::Worker => "worker",
    };
    let ask = AskRequest {
        standing: standing.into(),
        note,
    };
    let answer: AskAnswer = at
        .client()
        .await?
        .post("/v1/council/requests", &ask)
        .await?;
    if let Some(height) = answer.registered {
        let done = format!("admitted as a worker, in block {height}: the network is open");
        screen::line(screen::out(&done, Tone::Good));
        return Ok(0);
    }
    for why in &answer.refused {
        screen::aside(format!("not with {}", screen::safe(why)));
    }
    match answer.kept_by.len() as u64 {
        0 => screen::aside("no member of the council keeps the request"),
        count => screen::line(format!(
            "the request waits with {}; operators see it with `edgecoder council requests`",
            screen::plural(count, "member")
        )),
    }
    screen::line("or give an operator this line:");
    let peer = answer.peer;
    screen::line(format!(
        "edgecoder council propose admit {peer} --as {standing}"
    ));
    Ok(0)
}

/// `edgecoder council requests`.
pub async fn requests(at: &Place, json: bool) -> Result<u8, Failure> {
    let view: RequestsView = at.client().await?.get("/v1/council/requests").await?;
    if json {
        return print_json(&view);
    }
    if view.asks.is_empty() && view.charges.is_empty() {
        screen::line("nothing waits for the operators");
    }
    for ask in &view.asks {
        screen::line(format!(
            "{} asks to be admitted as {}  {}",
            ask.peer,
            ask.standing,
            screen::safe(&ask.note)
        ));
        screen::aside(format!(
            "  edgecoder council propose admit {} --as {}",
            ask.peer, ask.standing
        ));
    }
    for charge in &view.charges {
        screen::line(format!(
            "{} signed what is not so, as the bundle {} shows",
            charge.peer, charge.evidence
        ));
        screen::aside(format!(
            "  edgecoder council propose blacklist {} --evidence {} --reason TEXT",
            charge.peer, charge.evidence
        ));
    }
    for peer in &view.silent {
        screen::aside(format!("{peer} did not say what waits with it"));
    }
    Ok(0)
}

/// `edgecoder council appeal`.
pub async fn appeal(at: &Place, statement: String) -> Result<u8, Failure> {
    let statement = match statement.as_str() {
        "-" => files::read_stdin_text()?,
        _ => statement,
    };
    let request = AppealRequest { statement };
    let client = at.client().await?;
    let line: EntryLine = client.post("/v1/council/appeals", &request).await?;
    if line.own.listing.is_none() {
        screen::aside("this node's own ledger does not list it: it may be behind");
    }
    screen::line(format!("{LINE}{}", line.entry));
    screen::aside(
        "nobody takes anything of a listed node: give the line, and what you said, to somebody in the network:  \
         edgecoder council submit LINE",
    );
    Ok(0)
}

/// `edgecoder council submit`.
pub async fn submit(at: &Place, line: &str) -> Result<u8, Failure> {
    let line = match line {
        "-" => files::read_stdin_text()?,
        line => line.to_owned(),
    };
    let entry = line.trim().strip_prefix(LINE).ok_or_else(|| {
        let message = format!("this is not an entry: one begins with `{LINE}`");
        Failure::new(USAGE, message, "copy the whole line again")
    })?;
    let request = EntriesRequest {
        entries: vec![entry.to_owned()],
    };
    let client = at.client().await?;
    let outcomes: Vec<EntryOutcome> = client.post("/v1/ledger/entries", &request).await?;
    match outcomes.into_iter().next() {
        Some(EntryOutcome::Placed(placed)) => {
            screen::line(format!("entry {} in block {}", placed.index, placed.height));
            Ok(0)
        }
        Some(EntryOutcome::Refused(why)) => {
            let next = "`edgecoder council status` says how things are now";
            Err(Failure::new(USAGE, why, next))
        }
        None => Err(Failure::new(USAGE, "nothing was answered", "try again")),
    }
}

/// `edgecoder council rotate`: the new key is on the disk before the log names it, and takes the old one's place after.
pub async fn rotate(at: &Place) -> Result<u8, Failure> {
    let client = at.client().await?;
    let status: NodeStatus = client.get("/v1/status").await?;
    let ledger: LedgerView = client.get("/v1/ledger").await?;
    let view: CouncilView = client.get("/v1/council").await?;
    let folder = &at.config.data_dir;
    let new: NodeKey = network::next_key(folder, random)?;
    let is_done = view.own.rotated == Some(new.peer_id());
    if !is_done {
        let signed = new.sign(&rotation(ledger.network, status.node, new.peer_id()));
        let request = RotateRequest {
            new: new.peer_id(),
            signature: signed.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let placed: PlacedView = client.post("/v1/council/rotations", &request).await?;
        screen::line(format!("entry {} in block {}", placed.index, placed.height));
    }
    network::use_next_key(folder)?;
    let done = format!("this node goes by {} from its next start on", new.peer_id());
    screen::line(screen::out(&done, Tone::Good));
    screen::aside("now: `edgecoder daemon stop`; the next command starts it under the new key");
    Ok(0)
}
