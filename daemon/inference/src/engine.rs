//! The child's side of inference: one thread owns model and context.

mod choose;
mod job;
mod model;
mod prompt;
mod scheduler;
mod template;

use std::{
    io::{self, Write},
    num::NonZeroU32,
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use llama_cpp_2::{context::params::LlamaContextParams, llama_backend::LlamaBackend};

use crate::wire::{self, Command, Load, Report};
use scheduler::{SEQUENCES, Scheduler};

/// Loads the model, reports it, and serves `commands` until their sender is gone.
///
/// # Errors
/// Those of `out`: the daemon is gone.
pub fn run(load: &Load, commands: &Receiver<Command>, out: &mut impl Write) -> io::Result<()> {
    let mut backend = match LlamaBackend::init() {
        Ok(backend) => backend,
        Err(error) => {
            return tell(
                out,
                [Report::Unusable {
                    why: error.to_string(),
                }],
            );
        }
    };
    backend.void_logs();
    let (model, card) = match model::open(&backend, load) {
        Ok(opened) => opened,
        Err(why) => return tell(out, [Report::Unusable { why }]),
    };
    let context = match model.new_context(&backend, parameters(load)) {
        Ok(context) => context,
        Err(_) => {
            let why = format!(
                "there is no memory for a context of {} tokens",
                load.context
            );
            return tell(out, [Report::Unusable { why }]);
        }
    };
    tell(out, [Report::Loaded(card)])?;
    serve(Scheduler::new(&model, context), commands, out)
}

fn parameters(load: &Load) -> LlamaContextParams {
    let threads = i32::try_from(load.threads.max(1)).unwrap_or(1);
    // One token of every answer has to fit in a batch.
    let batch = load.batch.max(SEQUENCES);
    LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(load.context.max(batch)))
        .with_n_batch(batch)
        .with_n_ubatch(batch)
        .with_n_seq_max(SEQUENCES + 1)
        .with_kv_unified(true)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
}

fn serve(
    mut scheduler: Scheduler<'_>,
    commands: &Receiver<Command>,
    out: &mut impl Write,
) -> io::Result<()> {
    loop {
        if scheduler.is_idle() {
            match commands.recv() {
                Ok(command) => obey(&mut scheduler, command),
                Err(_) => return Ok(()),
            }
        }
        loop {
            match commands.try_recv() {
                Ok(command) => obey(&mut scheduler, command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        scheduler.step(now());
        tell(out, scheduler.take_reports())?;
    }
}

fn obey(scheduler: &mut Scheduler<'_>, command: Command) {
    match command {
        Command::Generate {
            id,
            request,
            stream,
        } => {
            let now = now();
            let span = Duration::from_millis(request.deadline_ms);
            // A deadline beyond the clock's end is as good as a year.
            let year = Duration::from_secs(365 * 24 * 3_600);
            scheduler.submit(id, &request, stream, now + span.min(year));
        }
        Command::Cancel { id } => scheduler.cancel(id),
        // The daemon says this once, before the engine starts.
        Command::Load(_) => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine's thread is the actor that owns the clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Writes all reports of one step at once: a system call a step, not one a token.
fn tell(out: &mut impl Write, reports: impl IntoIterator<Item = Report>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for report in reports {
        wire::encode(&report, &mut bytes)?;
    }
    if bytes.is_empty() {
        Ok(())
    } else {
        out.write_all(&bytes)
    }
}
