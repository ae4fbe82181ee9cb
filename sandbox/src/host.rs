//! What the guest sees of the world: captured output, a clock that only it moves, seeded randomness, a
//! limited memory. No files, no network, no environment.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use wasmtime::{
    ResourceLimiter,
    component::{HasData, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView, async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{
        DynPollable, OutputStream, Pollable, StreamResult, bindings::clocks::monotonic_clock,
        subscribe,
    },
};

use crate::profile::{CLOCK_START, CLOCK_STEP, TABLE_ELEMENTS_MAX};
use bytes::Bytes;
use rand::TryRng;

/// Bytes that a guest may hand over in one write.
const WRITE_MAX: usize = 64 << 10;

/// One store's state.
pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    clock: Clock,
    random: Random,
    /// What the guest told of its fuel before it ended.
    pub(crate) fuel_left: Option<i64>,
    pub(crate) limiter: Limiter,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (clock, random) = (Clock::default(), Random::new(0));
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let wasi = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(random.clone())
            .insecure_random(random.clone())
            .insecure_random_seed(0)
            .build();
        Self {
            wasi,
            table: ResourceTable::new(),
            clock,
            random,
            fuel_left: None,
            limiter: Limiter::default(),
            stdout,
            stderr,
        }
    }

    /// Begins a run: what preparation did to clock and randomness is forgotten.
    pub(crate) fn begin(&mut self, seed: u64, memory_max: u64, output_max: u64) {
        self.clock.0.store(0, Ordering::Relaxed);
        self.random.reseed(seed);
        self.limiter.memory_max = usize::try_from(memory_max).unwrap_or(usize::MAX);
        let output_max = usize::try_from(output_max).unwrap_or(usize::MAX);
        self.stdout.begin(output_max);
        self.stderr.begin(output_max);
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Adds everything that a guest can import.
pub(crate) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    // Replaces the waiting on real time, which burns no fuel.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<Host, VirtualTime>(linker, |host| VirtualTimeView {
        clock: &host.clock,
        table: &mut host.table,
    })
}

/// Nanoseconds since the run began, moved by reading and by waiting only.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn read(&self) -> u64 {
        self.0.fetch_add(CLOCK_STEP, Ordering::Relaxed)
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(CLOCK_STEP)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(CLOCK_START) + Duration::from_nanos(self.read())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        CLOCK_STEP
    }

    fn now(&self) -> u64 {
        self.read()
    }
}

struct VirtualTime;

struct VirtualTimeView<'a> {
    clock: &'a Clock,
    table: &'a mut ResourceTable,
}

impl HasData for VirtualTime {
    type Data<'a> = VirtualTimeView<'a>;
}

impl VirtualTimeView<'_> {
    fn wait_until(&mut self, moment: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.clock.clone();
        let timer = self.table.push(Timer { clock, moment })?;
        subscribe(self.table, timer)
    }
}

impl monotonic_clock::Host for VirtualTimeView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(CLOCK_STEP)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wait_until(when)
    }

    fn subscribe_duration(&mut self, span: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock.0.load(Ordering::Relaxed);
        self.wait_until(now.saturating_add(span))
    }
}

/// Waiting for it makes its moment come.
struct Timer {
    clock: Clock,
    moment: u64,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        self.clock.0.fetch_max(self.moment, Ordering::Relaxed);
    }
}

/// Every random byte of a guest, by blake3's extendable output: the same on every version and machine.
#[derive(Clone)]
struct Random(Arc<Mutex<blake3::OutputReader>>);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Self::stream(seed))))
    }

    fn stream(seed: u64) -> blake3::OutputReader {
        let mut hasher = blake3::Hasher::new_derive_key("edgecoder sandbox random 1");
        hasher.update(&seed.to_le_bytes());
        hasher.finalize_xof()
    }

    fn reseed(&self, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Self::stream(seed);
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(out);
        Ok(())
    }
}

/// One output stream as far as it was written, kept when the guest is stopped.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Text>>);

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    limit: usize,
    cut: bool,
}

impl Captured {
    fn begin(&self, limit: usize) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *text = Text {
            limit,
            ..Text::default()
        };
    }

    /// What was written, and whether more was.
    pub(crate) fn take(&self) -> (Vec<u8>, bool) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut text.bytes), text.cut)
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only preview 3 asks for this one, and no guest of ours is linked to it.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = text.limit - text.bytes.len();
        text.cut |= bytes.len() > room;
        text.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX)
    }
}

/// Refuses growth beyond the limit, and remembers that it did.
#[derive(Default)]
pub(crate) struct Limiter {
    memory_max: usize,
    pub(crate) peak: usize,
    pub(crate) denied: bool,
    /// The machine could not give what the limit allows.
    pub(crate) host_failed: bool,
}

impl Limiter {
    /// While a guest is being prepared: what it begins with is not yet its run's.
    pub(crate) const PREPARING: usize = 256 << 20;

    pub(crate) fn preparing(&mut self) {
        self.memory_max = Self::PREPARING;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_max;
        self.denied |= !granted;
        if granted {
            self.peak = self.peak.max(desired);
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // A trap: were it told to the guest, the outcome would depend on the machine.
        self.host_failed = true;
        Err(error)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= TABLE_ELEMENTS_MAX;
        self.denied |= !granted;
        Ok(granted)
    }
}
