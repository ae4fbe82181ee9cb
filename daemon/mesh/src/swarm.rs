//! Builds the transports and the swarm. Each transport's errors are given their [`Stage`] here, before libp2p
//! boxes them and the step is lost. What runs on top is chosen in `behaviour`.

use std::{io, pin::Pin, time::Duration};

use edgecoder_protocol::key::NodeKey;
use futures::{AsyncRead, AsyncWrite, future::Either};
use libp2p::{
    PeerId, Swarm, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{
            Boxed, MemoryTransport, OptionalTransport,
            timeout::{TransportTimeout, TransportTimeoutError},
        },
        upgrade::Version,
    },
    dns, identity, noise,
    pnet::{PnetConfig, PreSharedKey},
    quic, swarm, tcp, yamux,
};

use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::{
    Config, DialStep, Psk, StartError,
    behaviour::Behaviour,
    dial::{Stage, chain},
    lines::Outlets,
};

/// From the dial to an open socket,
const CONNECT_MAX: Duration = Duration::from_secs(6);
/// and to a connection that can be used: over a satellite these take 1 s and 3 s.
const SETUP_MAX: Duration = Duration::from_secs(10);

/// Connections are kept while both sides run: gossip and requests come and go, and libp2p's 10 s would cut
/// the mesh to pieces. Limits, not idleness, bound their number.
const IDLE_MAX: Duration = Duration::from_secs(3_600);

/// Streams that one connection may have open, all protocols together: what our services allow, and some for
/// gossip, Kademlia, ping and identify. A stream beyond it is reset.
const STREAMS_MAX: usize = 512;

/// Streams of one connection whose protocol is being negotiated. Further ones are reset.
const NEGOTIATING_MAX: usize = 128;

type Secured = Boxed<(PeerId, StreamMuxerBox)>;

/// The swarm that `config` asks for. Listens nowhere yet.
pub fn build(
    config: &Config,
    key: &NodeKey,
    outlets: Outlets,
    tasks: &TaskTracker,
) -> Result<Swarm<Behaviour>, StartError> {
    let stored = key.to_stored();
    let key = identity::Keypair::from_protobuf_encoding(&stored[..])
        .map_err(|error| StartError::Key(error.to_string()))?;
    let behaviour = Behaviour::new(config, &key, outlets)?;
    let transport = transport(config, &key)?;
    let settings = swarm::Config::with_executor(Owned(tasks.clone()))
        .with_idle_connection_timeout(IDLE_MAX)
        .with_max_negotiating_inbound_streams(NEGOTIATING_MAX);
    Ok(Swarm::new(
        transport,
        behaviour,
        key.public().to_peer_id(),
        settings,
    ))
}

/// Runs the swarm's tasks where their end can be waited for.
struct Owned(TaskTracker);

impl swarm::Executor for Owned {
    fn exec(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}

fn transport(config: &Config, key: &identity::Keypair) -> Result<Secured, StartError> {
    let psk = config.psk.as_ref();
    let memory = secure(
        MemoryTransport::default().map_err(io::Error::other),
        key,
        psk,
    )?;
    let named = match dns::tokio::Transport::system(sockets(key, psk)?) {
        Ok(named) => named.map_err(resolved).boxed(),
        // A machine without a resolver can still dial by number.
        Err(error) => {
            warn!(%error, "names of peers cannot be resolved");
            sockets(key, psk)?
        }
    };
    // Names last: that transport takes every address, and fails later.
    Ok(memory
        .or_transport(named)
        .map_err(|error| unbox(error.into_inner()))
        .map(|connected, _| connected.into_inner())
        .boxed())
}

fn sockets(key: &identity::Keypair, psk: Option<&Psk>) -> Result<Secured, StartError> {
    let tcp = secure(
        tcp::tokio::Transport::new(tcp::Config::new().nodelay(true)),
        key,
        psk,
    )?;
    // pnet encrypts byte streams only, so a private network has no QUIC.
    let quic = match psk {
        Some(_) => OptionalTransport::none(),
        None => OptionalTransport::some(quic_transport(key)),
    };
    Ok(tcp
        .or_transport(quic)
        .map_err(|error| unbox(error.into_inner()))
        .map(|connected, _| connected.into_inner())
        .boxed())
}

fn quic_transport(key: &identity::Keypair) -> Secured {
    quic::tokio::Transport::new(quic::Config::new(key))
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .map_err(|error| match error {
            quic::Error::Io(error) => Stage::socket(error),
            quic::Error::HandshakeTimedOut => Stage::new(DialStep::Timeout, error),
            quic::Error::Reach(error) => Stage::new(DialStep::Transport, chain(&error)),
            // TLS carries the identity, so a connection that breaks off while it is made is a handshake's end.
            error => Stage::new(DialStep::Handshake, chain(&error)),
        })
        .boxed()
}

/// A byte transport with the network's key if there is one, noise, and yamux.
fn secure<T, S>(raw: T, key: &identity::Keypair, psk: Option<&Psk>) -> Result<Secured, StartError>
where
    T: Transport<Output = S, Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let noise = noise::Config::new(key).map_err(|error| setup("noise", error))?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_MAX);
    let psk = psk.map(|psk| PnetConfig::new(PreSharedKey::new(psk.0)));
    let secured = TransportTimeout::new(raw, CONNECT_MAX)
        .map_err(|error| match error {
            TransportTimeoutError::Timeout => Stage::new(DialStep::Timeout, "nobody answers"),
            TransportTimeoutError::TimerError(error) | TransportTimeoutError::Other(error) => {
                Stage::socket(error)
            }
        })
        .and_then(move |socket, _| async move {
            match psk {
                Some(psk) => psk
                    .handshake(socket)
                    .await
                    .map(Either::Left)
                    .map_err(|error| handshake("pre-shared key", &error)),
                None => Ok(Either::Right(socket)),
            }
        })
        .map_err(|error| error.into_inner())
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .timeout(SETUP_MAX)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .map_err(|error| match error {
            // The socket opened in time. With another pre-shared key, each side waits for sense.
            TransportTimeoutError::Timeout => Stage::new(
                DialStep::Handshake,
                "the other side never finished: no node, or one with another pre-shared key",
            ),
            TransportTimeoutError::TimerError(error) => Stage::socket(error),
            TransportTimeoutError::Other(error) => error.either(
                |error| error.either(|stage| stage, |error| handshake("noise", &error)),
                |error| handshake("yamux", &error),
            ),
        })
        .boxed();
    Ok(secured)
}

fn handshake(part: &str, error: &(dyn std::error::Error + 'static)) -> Stage {
    Stage::new(
        DialStep::Handshake,
        format_args!("{part}: {}", chain(error)),
    )
}

fn resolved(error: dns::Error<io::Error>) -> Stage {
    match error {
        dns::Error::Transport(error) => unbox(error),
        dns::Error::Dial(errors) => errors
            .into_iter()
            .map(resolved)
            .max_by_key(|stage| stage.step)
            .unwrap_or_else(|| Stage::new(DialStep::Resolve, "the name has no address")),
        error @ (dns::Error::ResolveError(_)
        | dns::Error::MultiaddrNotSupported(_)
        | dns::Error::TooManyLookups) => Stage::new(DialStep::Resolve, chain(&error)),
    }
}

fn unbox(error: io::Error) -> Stage {
    error.downcast::<Stage>().unwrap_or_else(Stage::socket)
}

fn setup(part: &'static str, error: impl std::fmt::Display) -> StartError {
    StartError::Setup {
        part,
        reason: error.to_string(),
    }
}
