//! The child process by itself, for the tests: a daemon starts it as a hidden subcommand of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("bench-peer") {
        return edgecoder_inference::bench::peer_main(std::env::args().skip(2));
    }
    edgecoder_inference::worker_main()
}
