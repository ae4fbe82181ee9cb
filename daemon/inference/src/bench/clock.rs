//! Processor time of this process and of others.

use std::{io, mem::MaybeUninit};

/// Processor seconds that process `pid` has used, all its threads.
pub fn process_seconds(pid: u32) -> io::Result<f64> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: `clock` is valid for the one value that is written.
    match unsafe { libc::clock_getcpuclockid(pid, &mut clock) } {
        0 => read_clock(clock),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Processor seconds that this process has used.
pub fn own_seconds() -> io::Result<f64> {
    read_clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read_clock(clock: libc::clockid_t) -> io::Result<f64> {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `time` is valid for the one value that is written, and only read when it was.
    unsafe {
        if libc::clock_gettime(clock, time.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let time = time.assume_init();
        Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }
}
