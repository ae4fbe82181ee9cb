//! The WebAssembly engine: how code is compiled, what it is metered by, and what it can import.

use std::{fs::File, path::Path, sync::Arc};

use wasmtime::{
    Config, Engine, Inlining, OptLevel,
    component::{Component, InstancePre, Linker},
};

use crate::{
    client::EngineOptions,
    host::{self, Host},
    run,
};

/// Native stack that guest code may use. CPython's own guard counts on its shadow stack and must fire
/// first: a `RecursionError` is a result, the native trap is not.
pub(crate) const WASM_STACK: usize = 32 << 20;
/// Stack of the thread that guests run on: the host's side of a call needs some too.
pub(crate) const GUEST_THREAD_STACK: usize = WASM_STACK + (2 << 20);

impl EngineOptions {
    fn target(self) -> Option<&'static str> {
        self.baseline.then_some("x86_64-unknown-linux-gnu")
    }

    /// The engine, able to compile.
    ///
    /// # Errors
    /// When the machine cannot run it.
    pub(crate) fn engine(self) -> wasmtime::Result<Engine> {
        // Threads are off by the engine's own features: there is no switch to set. Fuel and epochs are off too: the
        // guest counts by itself (`guests/meter.py`), and who stays too long is ended with its process.
        let mut config = Config::new();
        config
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .cranelift_opt_level(OptLevel::Speed)
            .max_wasm_stack(WASM_STACK)
            // Not used, but it must not be smaller.
            .async_stack_size(GUEST_THREAD_STACK)
            // The guest was inlined when it was linked; more of it only makes the code larger.
            .compiler_inlining(Inlining::No)
            // The guest says where it hardly ever goes: to the host, when its fuel is spent.
            .wasm_branch_hinting(true)
            .memory_init_cow(true)
            // The interpreter's image is 30-odd MB; above this size it would be copied, not mapped.
            .memory_guaranteed_dense_image_size(256 << 20)
            .wasm_backtrace_max_frames(None)
            .generate_address_map(false);
        if let Some(target) = self.target() {
            config.target(target)?;
        }
        Engine::new(&config)
    }

    /// What tells apart compiled code of one engine version.
    pub(crate) fn key(self) -> String {
        format!(
            "{}-{}-{}",
            std::env::consts::ARCH,
            std::env::consts::OS,
            self.target().unwrap_or("native")
        )
    }
}

/// A guest ready to be instantiated.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) guest: Arc<InstancePre<Host>>,
}

impl Runtime {
    /// Maps compiled code.
    ///
    /// # Safety
    /// The file is native code that `engine` of this program's version made, and nothing changes it.
    pub(crate) unsafe fn load(engine: Engine, compiled: &File) -> wasmtime::Result<Self> {
        use std::os::fd::AsRawFd as _;
        // Through the descriptor: the very file whose checksum was compared, whatever its path says by now.
        let path = format!("/proc/self/fd/{}", compiled.as_raw_fd());
        // SAFETY: the caller's promise.
        let component = unsafe { Component::deserialize_file(&engine, Path::new(&path))? };
        Self::new(engine, &component)
    }

    fn new(engine: Engine, component: &Component) -> wasmtime::Result<Self> {
        component.initialize_copy_on_write_image()?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker)?;
        run::add_to_linker(&mut linker)?;
        let guest = Arc::new(linker.instantiate_pre(component)?);
        Ok(Self { engine, guest })
    }
}
