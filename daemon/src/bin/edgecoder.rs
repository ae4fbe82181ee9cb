//! The `edgecoder` command.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    edgecoder_daemon::cli::main().await
}
