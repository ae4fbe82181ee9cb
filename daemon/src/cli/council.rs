//! `edgecoder council`: who decides the ledger, and what operators decree. Keys are used here and never given to the
//! daemon.

use std::io::{BufRead as _, IsTerminal as _};

use edgecoder_protocol::{
    Credits, Hash,
    key::NodeKey,
    ledger::decree::{Approved, Decree, Order, Standing},
    operator::{
        AdmissionRule, CouncilPart, CouncilView, DecreeAnswer, DecreeRequest, LedgerView,
        OwnStanding, PlacedView,
    },
};

use super::{
    Place,
    args::{CouncilAction, OrderFlag, StandingFlag},
    client::Client,
    failure::{DECLINED, Failure, USAGE},
    files,
    manage::print_json,
    screen::{self, Tone},
    trust,
};
use crate::{network, serve::now};

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Days that the operators have to approve.
const APPROVING_DAYS: u64 = 7;
/// Bytes of a policy's document.
const DOCUMENT_MAX: u64 = 1 << 20;

/// `edgecoder council`.
pub async fn run(at: &Place, action: CouncilAction) -> Result<u8, Failure> {
    match action {
        CouncilAction::Status { json } => status(at, json).await,
        CouncilAction::Members => members(at).await,
        CouncilAction::Propose { order } => propose(at, order).await,
        CouncilAction::Approve { line, yes } => approve(at, &line, yes).await,
        CouncilAction::Request { standing, note } => trust::request(at, standing, note).await,
        CouncilAction::Requests { json } => trust::requests(at, json).await,
        CouncilAction::Appeal { statement } => trust::appeal(at, statement).await,
        CouncilAction::Submit { line } => trust::submit(at, &line).await,
        CouncilAction::Rotate => trust::rotate(at).await,
    }
}

async fn status(at: &Place, json: bool) -> Result<u8, Failure> {
    let view: CouncilView = at.client().await?.get("/v1/council").await?;
    if json {
        return print_json(&view);
    }
    let (part, tone) = match view.part {
        CouncilPart::Member => ("it votes", Tone::Good),
        CouncilPart::Follower => ("it follows", Tone::Good),
        CouncilPart::Recalling => ("it will vote soon", Tone::Dim),
        CouncilPart::Muted => ("it does not vote for now", Tone::Bad),
        CouncilPart::Broken => ("it has stopped", Tone::Bad),
        CouncilPart::Frozen => ("nothing is decided", Tone::Bad),
    };
    screen::line(format!("this node  {}", screen::out(part, tone)));
    if let Some(reason) = &view.reason {
        screen::line(format!("           {}", screen::safe(reason)));
    }
    screen::line(format!(
        "council    {}; {} must agree, {} may be down or lie",
        screen::plural(view.members.len() as u64, "member"),
        view.quorum,
        view.tolerates
    ));
    for member in &view.members {
        let here = if member.is_here { "  (this node)" } else { "" };
        screen::line(format!("           {}{here}", member.peer));
        if member.signed_twice {
            let text = "           signed two different votes in one place: remove it";
            screen::line(screen::out(text, Tone::Bad));
        }
    }
    if let Some(warning) = &view.warning {
        screen::line(screen::out(&format!("           {warning}"), Tone::Dim));
    }
    for duty in &view.duties {
        let holder = duty
            .holder
            .map_or_else(|| "nobody".into(), |peer| peer.to_string());
        screen::line(format!("{:<16} {holder}, term {}", duty.duty, duty.term));
    }
    let admission = match view.admission {
        AdmissionRule::Invited => "whoever holds an invite",
        AdmissionRule::Open => "whoever asks",
        AdmissionRule::Closed => "whom operators admit",
    };
    screen::line(format!("admission  of workers: {admission}"));
    own(&view.own);
    screen::line(format!(
        "operators  {}; more than half must approve a decree",
        screen::plural(view.operators.len() as u64, "key")
    ));
    for operator in &view.operators {
        screen::line(format!("           {operator}"));
    }
    Ok(0)
}

/// How this node stands.
fn own(own: &OwnStanding) {
    if let Some(standing) = &own.admitted {
        screen::line(format!("           this node was admitted as {standing}"));
    }
    if let Some(new) = own.rotated {
        let text = format!("           this node goes by {new} now: restart it");
        screen::line(screen::out(&text, Tone::Bad));
    } else if own.is_revoked {
        let text = "           this node was revoked: it takes part no more";
        screen::line(screen::out(text, Tone::Bad));
    }
    if let Some(listing) = &own.listing {
        let text = format!(
            "           this node is blacklisted until {}: {}",
            screen::moment(listing.until),
            screen::safe(&listing.reason)
        );
        screen::line(screen::out(&text, Tone::Bad));
        screen::line(format!("           evidence {}", listing.evidence));
        screen::line(match listing.appeal {
            Some(_) => "           it has objected",
            None => "           object with `edgecoder council appeal`",
        });
    }
}

async fn members(at: &Place) -> Result<u8, Failure> {
    let view: CouncilView = at.client().await?.get("/v1/council").await?;
    for member in view.members {
        screen::line(member.peer);
    }
    Ok(0)
}

async fn propose(at: &Place, order: OrderFlag) -> Result<u8, Failure> {
    let client = at.client().await?;
    let ledger: LedgerView = client.get("/v1/ledger").await?;
    let mut approved = Approved {
        decree: Decree {
            chain: ledger.network,
            version: 0,
            expires: edgecoder_protocol::Millis(now().0 + APPROVING_DAYS * DAY_MS),
            order: order_of(order)?,
        },
        approvals: Vec::new(),
    };
    let request = DecreeRequest {
        line: approved.to_string(),
    };
    let answer: DecreeAnswer = client.post("/v1/council/decrees", &request).await?;
    approved.decree.version = answer.version;
    sign(at, &client, approved, &answer).await
}

async fn approve(at: &Place, line: &str, yes: bool) -> Result<u8, Failure> {
    let line = match line {
        "-" => files::read_stdin_text()?,
        line => line.to_owned(),
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new(USAGE, error.to_string(), "copy the whole line again")
    };
    let approved: Approved = line
        .parse()
        .map_err(|error: edgecoder_protocol::ledger::decree::LineError| wrong(&error))?;
    let client = at.client().await?;
    let ledger: LedgerView = client.get("/v1/ledger").await?;
    if approved.decree.chain != ledger.network {
        return Err(wrong(&"it is about another network"));
    }
    let request = DecreeRequest { line };
    let answer: DecreeAnswer = client.post("/v1/council/decrees", &request).await?;
    if approved.decree.version != answer.version {
        let message = "its subject was decided on since";
        return Err(Failure::new(USAGE, message, "have it proposed again"));
    }
    screen::line(screen::safe(&approved.decree.order.to_string()));
    if !yes && !agrees()? {
        return Ok(DECLINED);
    }
    sign(at, &client, approved, &answer).await
}

/// Whether the user types `y`.
fn agrees() -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let next = "look at what it says, then add --yes";
        return Err(Failure::new(USAGE, "there is no terminal to ask on", next));
    }
    screen::line("approve it? [y/N]");
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    read.map_err(|error| Failure::new(USAGE, error.to_string(), "try again"))?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

/// Adds this operator's approval; puts the decree into the log when that is enough.
async fn sign(
    at: &Place,
    client: &Client,
    approved: Approved,
    answer: &DecreeAnswer,
) -> Result<u8, Failure> {
    let key = operator_key(at, answer)?;
    let approval = approved.decree.approve(&key);
    let approved = approved.with(approval);
    let line = approved.to_string();
    if !approved.holds(&answer.operators) {
        screen::line(&line);
        let needed = answer.operators.len() / 2 + 1;
        screen::aside(format!(
            "{} of {needed} operators approve; give the line to another:  edgecoder council approve LINE",
            approved.approvals.len()
        ));
        return Ok(0);
    }
    let request = DecreeRequest { line };
    let placed: PlacedView = client.post("/v1/council/approved", &request).await?;
    let done = format!(
        "decreed: {}",
        screen::safe(&approved.decree.order.to_string())
    );
    screen::line(screen::out(&done, Tone::Good));
    screen::line(format!("entry {} in block {}", placed.index, placed.height));
    Ok(0)
}

/// The key of an operator of this ledger: the folder's operator key, or the node's own where it is alone.
fn operator_key(at: &Place, answer: &DecreeAnswer) -> Result<NodeKey, Failure> {
    let keys = network::operator_keys(&at.config.data_dir)?;
    let key = keys
        .into_iter()
        .find(|key| answer.operators.contains(&key.peer_id()));
    key.ok_or_else(|| {
        let path = network::operator_file(&at.config.data_dir);
        let message = format!(
            "{} is not the key of an operator of this network",
            path.display()
        );
        let next = "do it on a node of an operator: `edgecoder council status` lists their keys";
        Failure::new(USAGE, message, next)
    })
}

fn order_of(flag: OrderFlag) -> Result<Order, Failure> {
    Ok(match flag {
        OrderFlag::AddMember { peer } => Order::AddMember(peer),
        OrderFlag::RemoveMember { peer } => Order::RemoveMember(peer),
        OrderFlag::ReplaceMember { old, new } => Order::ReplaceMember { old, new },
        OrderFlag::Admit {
            peer,
            standing,
            owner,
        } => Order::Admit {
            peer,
            standing: match standing {
                StandingFlag::Trusted => Standing::Trusted,
                StandingFlag::Worker => Standing::Worker,
            },
            owner,
        },
        OrderFlag::Revoke { peer, reason } => Order::Revoke { peer, reason },
        OrderFlag::Blacklist {
            peer,
            evidence,
            reason,
            days,
        } => Order::Blacklist {
            peer,
            evidence,
            reason,
            until: edgecoder_protocol::Millis(now().0 + days * DAY_MS),
        },
        OrderFlag::Pardon { peer } => Order::Pardon(peer),
        OrderFlag::Policy { name, file } => Order::Policy {
            name,
            document: Hash::of(&files::read_up_to(&file, DOCUMENT_MAX)?),
        },
        OrderFlag::Open { is_open } => Order::OpenAdmission(is_open),
        OrderFlag::Issue { to, amount } => Order::Issue {
            to,
            amount: Credits(amount),
        },
    })
}
