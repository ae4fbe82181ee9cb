//! The peer of `edgecoder bench sandbox`: bare processes of the machine's own interpreter.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use super::{
    bench::{clock, odd},
    eval::Task,
    failure::Failure,
};

/// The peer: Debian's own interpreter, isolated and without site packages. A version manager's shim would
/// cost it 40 ms of start.
pub const PYTHON: &str = "/usr/bin/python3";

/// Runs `code` in a bare process that reads it from standard input.
pub fn native(code: &str) -> Result<(), Failure> {
    let mut child = Command::new(PYTHON)
        .args(["-I", "-S", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| odd(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(code.as_bytes())
            .map_err(|error| odd(&error))?;
    }
    let status = child.wait().map_err(|error| odd(&error))?;
    if status.success() {
        Ok(())
    } else {
        Err(odd(&format!("{PYTHON} ended with {status}")))
    }
}

/// Runs `code` in a bare process that is given it as an argument.
pub fn native_command(code: &str) -> Result<(), Failure> {
    let status = Command::new(PYTHON)
        .args(["-I", "-S", "-c", code])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| odd(&error))?;
    if status.success() {
        Ok(())
    } else {
        Err(odd(&format!("{PYTHON} ended with {status}")))
    }
}

/// The time of one bare process for each task, `cores` at a time.
pub fn native_over(tasks: &[Task], cores: usize) -> Result<Duration, Failure> {
    let programs: Vec<String> = tasks
        .iter()
        .map(|task| {
            format!(
                "{}{}\n\ncheck({})\n",
                task.canonical(),
                task.test,
                task.entry_point
            )
        })
        .collect();
    let next = AtomicUsize::new(0);
    let began = clock();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(code) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        native_command(code)?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(odd(&"a benchmark thread panicked")))
        })
    })?;
    Ok(began.elapsed())
}

/// CPU milliseconds of all children of this process that have ended.
pub fn children_cpu_ms() -> f64 {
    // SAFETY: rusage is plain data for which zeroes are valid, and the pointer is to a live one.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}
