//! Drives one connection's lines: offers their protocols to a peer that is kept and to nobody else, and reads and writes
//! as the connection itself is polled, so that a word wakes one task and not three.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    iter::Copied,
    slice::Iter,
    task::{Context, Poll},
};

use edgecoder_protocol::NetworkId;
use futures::future::{BoxFuture, FutureExt};
use libp2p::{
    Stream,
    core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol,
        handler::{ConnectionEvent, DialUpgradeError},
    },
};

use super::{
    frames::{self, Line, Words},
    outlets::{self, Outlet},
};
use crate::frame::Fault;

/// What the behaviour orders.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Whether lines are kept with the peer.
    Keep(bool),
    /// Open one.
    Open(Line),
}

/// What the behaviour is told.
#[derive(Debug)]
pub enum Report {
    /// The peer has opened a line.
    Opened(Line, Words),
    /// What it sent on one cannot be read.
    Faulty(Fault),
    /// A line that was ordered is open.
    Ready(Line, Outlet),
    /// It was refused, is lost, or had nothing to carry for long.
    Closed(Line),
}

/// The protocols of these lines; none, and a stream is refused before anything is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct Offer(&'static [Line]);

impl UpgradeInfo for Offer {
    type Info = Line;
    type InfoIter = Copied<Iter<'static, Line>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().copied()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Line, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, line: Line) -> Self::Future {
        ready(Ok((line, stream)))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = (Line, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, line: Line) -> Self::Future {
        ready(Ok((line, stream)))
    }
}

/// Both directions of one line.
#[derive(Default)]
struct Ends {
    is_wanted: bool,
    reading: Option<BoxFuture<'static, Fault>>,
    writing: Option<BoxFuture<'static, ()>>,
}

/// See the file.
pub struct Handler {
    network: NetworkId,
    is_kept: bool,
    /// In the order of [`Line::ALL`].
    lines: [Ends; Line::ALL.len()],
    /// At most some for each stream that was negotiated since the last poll.
    reports: VecDeque<Report>,
}

impl Handler {
    pub fn new(network: NetworkId, is_kept: bool) -> Self {
        Self {
            network,
            is_kept,
            lines: Default::default(),
            reports: VecDeque::new(),
        }
    }

    /// The peer's newest stream counts: it may know of the older one's end before this node does.
    fn read(&mut self, line: Line, stream: Stream) {
        if self.is_kept {
            let (reading, words) = frames::read(stream, self.network, line);
            self.lines[line as usize].reading = Some(reading.boxed());
            self.reports.push_back(Report::Opened(line, words));
        }
    }

    /// This node's first stream counts: a second is one that was ordered before the peer was kept anew.
    fn write(&mut self, line: Line, stream: Stream) {
        if self.is_kept && self.lines[line as usize].writing.is_none() {
            let (outlet, words) = outlets::outlet(line);
            let writing = frames::write(stream, self.network, words);
            self.lines[line as usize].writing = Some(writing.boxed());
            self.reports.push_back(Report::Ready(line, outlet));
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Report;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Line;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        let lines: &'static [Line] = if self.is_kept { &Line::ALL } else { &[] };
        SubstreamProtocol::new(Offer(lines), ())
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Keep(is_kept) => {
                self.is_kept = is_kept;
                if !is_kept {
                    self.lines = Default::default();
                }
            }
            Order::Open(line) => self.lines[line as usize].is_wanted = self.is_kept,
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Offer, (), Line>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(event) => {
                let (line, stream) = event.protocol;
                self.read(line, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(event) => {
                let (line, stream) = event.protocol;
                self.write(line, stream);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                tracing::debug!(line = ?info, %error, "a peer has no line with this node");
                self.reports.push_back(Report::Closed(info));
            }
            // Other events concern no line.
            _ => {}
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Offer, Line, Report>> {
        if let Some(report) = self.reports.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
        }
        for (line, ends) in Line::ALL.iter().zip(&mut self.lines) {
            if std::mem::take(&mut ends.is_wanted) {
                let only = std::slice::from_ref(line);
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                    protocol: SubstreamProtocol::new(Offer(only), *line),
                });
            }
            if let Some(Poll::Ready(fault)) = ends.reading.as_mut().map(|it| it.poll_unpin(cx)) {
                ends.reading = None;
                let report = Report::Faulty(fault);
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
            }
            if let Some(Poll::Ready(())) = ends.writing.as_mut().map(|it| it.poll_unpin(cx)) {
                ends.writing = None;
                let report = Report::Closed(*line);
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
            }
        }
        Poll::Pending
    }
}
