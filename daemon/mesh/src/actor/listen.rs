//! Where the node listens, and when all of its listeners have said how they fared.

use std::collections::BTreeMap;

use edgecoder_protocol::PeerId;
use libp2p::{Swarm, core::transport::ListenerId, swarm::SwarmEvent};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    Config, StartError,
    behaviour::{Behaviour, BehaviourEvent},
    convert,
    mesh::Listening,
};

/// The listeners of the configuration.
pub struct Listeners {
    me: PeerId,
    /// Those that have neither an address yet nor failed.
    pending: Vec<ListenerId>,
    told: watch::Sender<Listening>,
}

impl Listeners {
    /// Binds what the configuration names.
    pub fn open(
        config: &Config,
        swarm: &mut Swarm<Behaviour>,
        me: PeerId,
        told: watch::Sender<Listening>,
    ) -> Result<Self, StartError> {
        let mut pending = Vec::new();
        for text in &config.listen {
            let address = plain(text, "listening")?;
            if config.psk.is_some() && convert::is_quic(&address) {
                return Err(StartError::QuicWithPsk {
                    address: text.clone(),
                });
            }
            pending.push(
                swarm
                    .listen_on(address)
                    .map_err(|error| StartError::Listen {
                        address: text.clone(),
                        reason: crate::dial::chain(&error),
                    })?,
            );
        }
        for text in &config.external {
            swarm.add_external_address(plain(text, "an external address")?);
        }
        let listeners = Self { me, pending, told };
        listeners.tell(swarm);
        Ok(listeners)
    }

    /// Follows the events that concern listeners.
    pub fn on_event(&mut self, swarm: &Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr {
                listener_id,
                address,
            } => {
                info!(%address, "listening");
                self.pending.retain(|id| *id != listener_id);
                self.tell(swarm);
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } => {
                warn!(?reason, "listener closed");
                self.pending.retain(|id| *id != listener_id);
                self.tell(swarm);
            }
            SwarmEvent::ListenerError { listener_id, error } => {
                warn!(%error, "listener failed");
                self.pending.retain(|id| *id != listener_id);
                self.tell(swarm);
            }
            SwarmEvent::ExpiredListenAddr { .. } => self.tell(swarm),
            // The others concern dials and candidates for external addresses.
            _ => {}
        }
    }

    fn tell(&self, swarm: &Swarm<Behaviour>) {
        if self.pending.is_empty() {
            let addresses: BTreeMap<String, ()> = swarm
                .listeners()
                .map(|address| (format!("{address}/p2p/{}", self.me), ()))
                .collect();
            self.told
                .send_replace(Listening::On(addresses.into_keys().collect()));
        }
    }
}

fn plain(text: &str, purpose: &'static str) -> Result<libp2p::Multiaddr, StartError> {
    match convert::read_address(text) {
        Some((address, None)) => Ok(address),
        _ => Err(StartError::Address {
            address: text.into(),
            purpose,
        }),
    }
}
