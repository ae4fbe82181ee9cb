//! What a node's handle says and does about standing: its own, what waits for operators, an objection, another key.

use edgecoder_protocol::{
    Hash, PeerId, Signed,
    hex::{hex, unhex},
    ledger::{
        decree::Standing,
        entry::{Body, Entry, LIFE_MAX_MS},
    },
    operator::{
        AdmissionRule, AppealRequest, AskAnswer, AskRequest, EntryLine, ErrorObject, ListingView,
        OwnStanding, PlacedView, RequestsView, RotateRequest,
    },
    wire::NOTE_MAX,
};
use edgecoder_trust::{Admission, admission, now_by};

use super::{
    NodeHandle,
    ledger::{bad, refused, view_of},
};

/// Bytes of an objection.
const STATEMENT_MAX: usize = 16 << 10;

/// A standing's name.
fn named(standing: Standing) -> &'static str {
    match standing {
        Standing::Trusted => "trusted",
        Standing::Worker => "worker",
    }
}

impl NodeHandle {
    /// How this node stands by its own ledger.
    pub fn own_standing(&self) -> OwnStanding {
        let view = self.council().view();
        let (state, me) = (view.chain.state(), self.council().me());
        let now = now_by(view.chain.time(), (self.inner.clock)());
        let peer = state.peer(&me);
        let listing = state.listing(&me).filter(|one| now < one.until);
        OwnStanding {
            admitted: peer
                .filter(|one| !one.is_revoked)
                .map(|one| named(one.standing).into()),
            is_revoked: peer.is_some_and(|one| one.is_revoked),
            rotated: state.account(&me).rotated,
            listing: listing.map(|one| ListingView {
                reason: one.reason.clone(),
                evidence: one.evidence,
                until: one.until,
                appeal: one.appeal,
            }),
        }
    }

    /// Who works by what was decreed.
    pub fn admission_rule(&self) -> AdmissionRule {
        match admission(self.council().view().chain.state()) {
            Admission::Invited => AdmissionRule::Invited,
            Admission::Open => AdmissionRule::Open,
            Admission::Closed => AdmissionRule::Closed,
        }
    }

    /// This node's objection to its listing, signed: nobody takes anything of it, so another node puts it into the log.
    ///
    /// # Errors
    /// [`ErrorObject`] when there is nothing in it.
    pub fn appeal(&self, request: &AppealRequest) -> Result<EntryLine, ErrorObject> {
        let statement = request.statement.trim();
        if statement.is_empty() || statement.len() > STATEMENT_MAX {
            let next = "say in some sentences why the entry is wrong";
            return Err(bad("an objection has 1 to 16,384 bytes", next));
        }
        let view = self.council().view();
        let now = now_by(view.chain.time(), (self.inner.clock)());
        let entry = Entry {
            chain: view.chain.id(),
            nonce: view.chain.state().account(&self.council().me()).nonce,
            // The block that takes it may be behind this clock.
            expires: edgecoder_protocol::Millis(now.0 + LIFE_MAX_MS / 2),
            body: Body::Appeal {
                statement: Hash::of(statement.as_bytes()),
            },
        };
        Ok(EntryLine {
            entry: hex(&Signed::new(entry, &self.inner.key).to_bytes()),
            own: self.own_standing(),
        })
    }

    /// This node says that it goes by another key from now on; answers when the log has it.
    ///
    /// # Errors
    /// [`ErrorObject`] when it may not, or the new key has not signed.
    pub async fn rotate(&self, request: &RotateRequest) -> Result<PlacedView, ErrorObject> {
        let signature = unhex(&request.signature).and_then(|bytes| bytes.try_into().ok());
        let signature =
            signature.ok_or_else(|| bad("a signature has 64 bytes", "sign with the new key"))?;
        let body = Body::Rotate {
            new: request.new,
            signature,
        };
        let said = self.council().say(body).await;
        said.map(view_of).map_err(|error| refused(&error))
    }

    /// This node asks to be admitted.
    ///
    /// # Errors
    /// [`ErrorObject`] when it is malformed, or this node is in no network.
    pub async fn ask_admission(&self, request: &AskRequest) -> Result<AskAnswer, ErrorObject> {
        let is_trusted = match request.standing.as_str() {
            "trusted" => true,
            "worker" => false,
            _ => return Err(bad("that is no standing", "name `worker` or `trusted`")),
        };
        if request.note.len() > NOTE_MAX || request.note.chars().any(char::is_control) {
            let next = "say it in one line of at most 200 bytes";
            return Err(bad("the note is too long", next));
        }
        let peer = self.council().me();
        if !is_trusted && self.admission_rule() == AdmissionRule::Open {
            let owner = self.own_owner()?;
            let said = self.council().say(Body::Register { owner }).await;
            let placed = said.map_err(|error| refused(&error))?;
            return Ok(AskAnswer {
                peer,
                registered: Some(placed.height),
                kept_by: Vec::new(),
                refused: Vec::new(),
            });
        }
        let (kept_by, refused) = self.asked_of_members(is_trusted, &request.note).await?;
        Ok(AskAnswer {
            peer,
            registered: None,
            kept_by,
            refused,
        })
    }
}

#[cfg(feature = "mesh")]
impl NodeHandle {
    fn own_owner(&self) -> Result<Option<edgecoder_protocol::record::Owner>, ErrorObject> {
        Ok(self.hub()?.owner.clone())
    }

    async fn asked_of_members(
        &self,
        is_trusted: bool,
        note: &str,
    ) -> Result<(Vec<PeerId>, Vec<String>), ErrorObject> {
        let (mut kept_by, mut refused) = (Vec::new(), Vec::new());
        for (peer, kept) in self.hub()?.ask_admission(is_trusted, note).await {
            match kept {
                Ok(()) => kept_by.push(peer),
                Err(why) => refused.push(format!("{peer}: {why}")),
            }
        }
        Ok((kept_by, refused))
    }

    /// What waits for the network's operators, here and with the members.
    ///
    /// # Errors
    /// [`ErrorObject`] when this node is in no network.
    pub async fn requests(&self) -> Result<RequestsView, ErrorObject> {
        use edgecoder_protocol::operator::{AskView, ChargeView};
        let (desk, silent) = self.hub()?.whole_desk().await;
        let standing = |is_trusted| match is_trusted {
            true => Standing::Trusted,
            false => Standing::Worker,
        };
        let asks = desk.asks.into_iter().map(|one| AskView {
            peer: one.peer,
            standing: named(standing(one.is_trusted)).into(),
            note: one.note,
            at: one.at,
        });
        let charges = desk.charges.into_iter().map(|one| ChargeView {
            peer: one.peer,
            evidence: one.evidence,
            at: one.at,
        });
        Ok(RequestsView {
            schema: "edgecoder/requests/1".into(),
            asks: asks.collect(),
            charges: charges.collect(),
            silent,
        })
    }
}

#[cfg(not(feature = "mesh"))]
impl NodeHandle {
    fn own_owner(&self) -> Result<Option<edgecoder_protocol::record::Owner>, ErrorObject> {
        Ok(None)
    }

    async fn asked_of_members(
        &self,
        _: bool,
        _: &str,
    ) -> Result<(Vec<PeerId>, Vec<String>), ErrorObject> {
        Err(super::network::local())
    }

    /// What waits for operators: a build without a mesh is in no network.
    ///
    /// # Errors
    /// [`ErrorObject`] always.
    pub async fn requests(&self) -> Result<RequestsView, ErrorObject> {
        Err(super::network::local())
    }
}
