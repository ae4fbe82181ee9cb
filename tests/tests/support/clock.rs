//! A wall clock that is set wrong: for a node's daemon and for the commands of its user, as on one machine.
//!
//! No namespace of Linux has a wall clock of its own, and no setting of ours should. So a library is put before the C
//! library's, built by the compiler that links Rust too. Spans are measured by another clock and stay as they are.

use std::process::Command;

use super::Home;

/// What a program that asks for the time is told.
const SOURCE: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, to);
    if (!failed && clock == CLOCK_REALTIME)
        to->tv_sec += AHEAD;
    return failed;
}
"#;

/// Sets the clock of `home` so many seconds ahead, or behind, from the next start on.
pub fn set_ahead(home: &mut Home, seconds: i64) {
    let source = home.write("clock.c", SOURCE);
    let library = home.path("clock.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]);
    compile.arg(&library).arg(source);
    compile.arg(format!("-DAHEAD=({seconds}L)")).arg("-ldl");
    let built = compile.status();
    let built = built.unwrap_or_else(|error| panic!("cc: {error} (Debian: apt-get install gcc)"));
    assert!(built.success(), "the clock does not build");
    home.set("LD_PRELOAD", library.to_str());
}
