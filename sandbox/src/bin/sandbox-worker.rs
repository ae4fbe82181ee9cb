//! The child process by itself, for this crate's own tests; the daemon brings its own command for it.

fn main() -> std::process::ExitCode {
    edgecoder_sandbox::worker_main()
}
