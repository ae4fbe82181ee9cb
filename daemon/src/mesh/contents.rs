//! Sealed bytes on their way: small ones inside messages, others as contents that whoever has them provides.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use edgecoder_mesh::{
    Mesh,
    transfer::{self, Sink, SinkError, Source, Supply},
};
use edgecoder_node_store::{Content, ContentError, Partial};
use edgecoder_protocol::{
    Bytes, Hash, PeerId,
    content::Outline,
    operator::{BODY_MAX, ErrorKind, ErrorObject},
    sealing::SEAL_OVERHEAD,
    wire::{INLINE_MAX, Sealed},
    work::ContentRef,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    hub::{internal, lock},
    topics,
};

/// Bytes of one content: a sealed job at its largest, in JSON.
const CONTENT_MAX: u64 = (BODY_MAX + SEAL_OVERHEAD) as u64;
/// How long one content may take to come: the largest at 2 Mbit/s.
const FETCH_MAX: Duration = Duration::from_secs(300);
/// How long providers are looked for at a time,
const LOOKUP: Duration = Duration::from_secs(3);
/// and how often: an announcement may still be on its way.
const LOOKUPS: u32 = 4;

/// Sealed bytes of this node. Cheap to clone.
#[derive(Clone)]
pub struct Contents {
    store: Content,
    mesh: Mesh,
    /// In the order they were last used, for when the store is full. Bounded by the store's own count.
    used: Arc<Mutex<VecDeque<Hash>>>,
}

impl Contents {
    /// Over `store`, whose contents are provided again.
    pub fn new(store: Content, mesh: Mesh) -> Self {
        let used = store.list().into_iter().map(|(hash, _)| hash).collect();
        Self {
            store,
            mesh,
            used: Arc::new(Mutex::new(used)),
        }
    }

    /// `bytes` for a message: inside it when they are few, else provided from here.
    ///
    /// # Errors
    /// [`ErrorObject`] when they cannot be kept.
    pub async fn send(&self, bytes: Vec<u8>) -> Result<Sealed, ErrorObject> {
        match bytes.len() <= INLINE_MAX {
            true => Ok(Sealed::Inline(bytes)),
            false => self.keep(bytes).await.map(Sealed::Fetch),
        }
    }

    /// Keeps `bytes` and provides them.
    ///
    /// # Errors
    /// [`ErrorObject`] when the disk is full.
    pub async fn keep(&self, bytes: Vec<u8>) -> Result<ContentRef, ErrorObject> {
        let reference = ContentRef::of(&bytes);
        let this = self.clone();
        let put = tokio::task::spawn_blocking(move || this.put(&bytes)).await;
        put.map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))?;
        self.provide(reference.hash).await;
        Ok(reference)
    }

    /// The bytes that `sealed` stands for, verified. Others than `hint` are found in the DHT.
    ///
    /// # Errors
    /// [`ErrorObject`] when nobody gives them.
    pub async fn load(
        &self,
        sealed: &Sealed,
        hint: Option<PeerId>,
    ) -> Result<Vec<u8>, ErrorObject> {
        let reference = match sealed {
            Sealed::Inline(bytes) => return Ok(bytes.clone()),
            Sealed::Fetch(reference) => *reference,
        };
        let (hash, size) = (reference.hash, reference.size);
        if size.0 > CONTENT_MAX {
            let message = format!("a content of {size} bytes is more than a task may have");
            return Err(ErrorObject::new(ErrorKind::TooLarge, message, "send less"));
        }
        if let Some(bytes) = self.get(hash).await? {
            return Ok(bytes);
        }
        let fetched = timeout(FETCH_MAX, self.fetch(hash, size, hint)).await;
        let too_late = || {
            let message = format!(
                "the content {hash} did not come within {} s",
                FETCH_MAX.as_secs()
            );
            ErrorObject::new(
                ErrorKind::Busy,
                message,
                "try again when its providers have less to do",
            )
        };
        fetched.map_err(|_| too_late())??;
        self.provide(hash).await;
        let gone = || internal(&format!("the content {hash} was fetched and is gone"));
        self.get(hash).await?.ok_or_else(gone)
    }

    async fn fetch(
        &self,
        hash: Hash,
        size: Bytes,
        hint: Option<PeerId>,
    ) -> Result<(), ErrorObject> {
        let own = self.mesh.peer_id();
        let hint = hint.filter(|peer| *peer != own);
        let failed = match hint {
            Some(peer) => match self.fetch_from(hash, size, &[peer]).await {
                Ok(()) => return Ok(()),
                Err(error) => Some(error),
            },
            None => None,
        };
        let lookups = if failed.is_some() { 1 } else { LOOKUPS };
        let mut providers = Vec::new();
        for _ in 0..lookups {
            providers = self.mesh.providers(topics::content(hash), LOOKUP).await;
            providers.retain(|peer| *peer != own && Some(*peer) != hint);
            if !providers.is_empty() {
                break;
            }
        }
        match failed {
            Some(error) if providers.is_empty() => Err(error),
            _ => self.fetch_from(hash, size, &providers).await,
        }
    }

    async fn fetch_from(
        &self,
        hash: Hash,
        size: Bytes,
        providers: &[PeerId],
    ) -> Result<(), ErrorObject> {
        let sink = Writer {
            content: self.clone(),
            hash,
            partial: Mutex::new(None),
        };
        let stop = CancellationToken::new();
        let result = transfer::fetch(hash, providers, size, &self.mesh, &sink, &stop).await;
        let fetched = match &result {
            Ok(fetched) => fetched,
            Err(error) => &error.fetched,
        };
        for offence in &fetched.offences {
            self.mesh
                .penalise(offence.peer, edgecoder_mesh::Offence::Malformed)
                .await;
        }
        result.map_err(|error| {
            let next = "try again when a node that has it is connected";
            ErrorObject::new(ErrorKind::NotFound, error.to_string(), next)
        })?;
        sink.finish().await
    }

    async fn provide(&self, hash: Hash) {
        self.mesh.provide(topics::content(hash)).await;
    }

    async fn get(&self, hash: Hash) -> Result<Option<Vec<u8>>, ErrorObject> {
        let store = self.store.clone();
        let bytes = tokio::task::spawn_blocking(move || store.get(hash, Bytes(CONTENT_MAX))).await;
        let bytes = bytes
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))?;
        if bytes.is_some() {
            self.touch(hash);
        }
        Ok(bytes)
    }

    fn touch(&self, hash: Hash) {
        let mut used = lock(&self.used);
        used.retain(|known| *known != hash);
        used.push_back(hash);
    }

    /// Puts bytes in the store; what was not used for longest makes room. Blocks.
    fn put(&self, bytes: &[u8]) -> Result<(), ContentError> {
        let hash = self.with_room(|| self.store.put(bytes))?;
        self.touch(hash);
        Ok(())
    }

    fn with_room<T>(&self, make: impl Fn() -> Result<T, ContentError>) -> Result<T, ContentError> {
        loop {
            let error = match make() {
                Err(error @ (ContentError::Quota { .. } | ContentError::TooMany)) => error,
                result => return result,
            };
            let Some(oldest) = lock(&self.used).pop_front() else {
                return Err(error);
            };
            self.store.remove(oldest)?;
        }
    }

    /// What the chunk service answers.
    pub fn answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        transfer::answer(body, &Reader(&self.store)).ok()
    }
}

/// Gives chunks of a store.
struct Reader<'a>(&'a Content);

fn supply<T>(found: Result<Option<T>, ContentError>, bytes: impl Fn(T) -> Vec<u8>) -> Supply {
    match found {
        Ok(Some(value)) => Supply::Found(bytes(value)),
        Ok(None) => Supply::Absent,
        Err(error) => {
            tracing::warn!(%error, "a content cannot be given");
            Supply::Absent
        }
    }
}

impl Source for Reader<'_> {
    fn outline(&self, hash: Hash) -> Supply {
        supply(self.0.outline(hash), |outline| outline.encode())
    }

    fn chunk(&self, hash: Hash, index: u32) -> Supply {
        supply(self.0.read_chunk(hash, index), |chunk| chunk)
    }
}

/// Takes chunks into a store.
struct Writer {
    content: Contents,
    hash: Hash,
    partial: Mutex<Option<Arc<Partial>>>,
}

fn sink_error(error: impl std::error::Error + Send + Sync + 'static) -> SinkError {
    SinkError(Box::new(error))
}

impl Writer {
    async fn finish(&self) -> Result<(), ErrorObject> {
        let partial = lock(&self.partial).take().and_then(Arc::into_inner);
        let Some(partial) = partial else {
            return Ok(());
        };
        let finished = tokio::task::spawn_blocking(move || partial.finish()).await;
        finished
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))
    }
}

impl Sink for Writer {
    async fn resume(&self) -> Result<Option<Outline>, SinkError> {
        let (store, hash) = (self.content.store.clone(), self.hash);
        let resumed = tokio::task::spawn_blocking(move || store.resume(hash)).await;
        let partial = resumed.map_err(sink_error)?.map_err(sink_error)?;
        let outline = partial.as_ref().map(|partial| partial.outline().clone());
        *lock(&self.partial) = partial.map(Arc::new);
        Ok(outline)
    }

    async fn begin(&self, outline: Outline) -> Result<Vec<u32>, SinkError> {
        if let Some(partial) = &*lock(&self.partial) {
            return Ok(partial.missing());
        }
        let (content, hash) = (self.content.clone(), self.hash);
        let begun = tokio::task::spawn_blocking(move || {
            content.with_room(|| content.store.begin(hash, outline.clone()))
        });
        let partial = begun.await.map_err(sink_error)?.map_err(sink_error)?;
        let missing = partial.missing();
        *lock(&self.partial) = Some(Arc::new(partial));
        Ok(missing)
    }

    async fn write(&self, index: u32, bytes: Vec<u8>) -> Result<(), SinkError> {
        let partial = lock(&self.partial).clone();
        let Some(partial) = partial else {
            return Err(sink_error(std::io::Error::other(
                "a chunk came before the outline",
            )));
        };
        let written = tokio::task::spawn_blocking(move || partial.write(index, &bytes)).await;
        written.map_err(sink_error)?.map_err(sink_error)
    }
}
