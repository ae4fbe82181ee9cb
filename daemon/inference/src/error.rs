//! Why no text came back, in words that say what to do next.

use std::{io, path::PathBuf};

/// Why a request got no generation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// No model is configured, or its file is gone.
    #[error("there is no model at {}: name an existing GGUF file", path.display())]
    NoModel {
        /// Where the model was looked for.
        path: PathBuf,
    },
    /// The file is not a model that can be run here.
    #[error("{} cannot be used: {why}. Fetch the file again or name another GGUF model", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a clause.
        why: String,
    },
    /// The request breaks a limit; it would be refused again.
    #[error("the request was refused: {why}")]
    Refused {
        /// The limit and the number that broke it.
        why: String,
    },
    /// The process that runs the model died, also when the request was tried again.
    #[error(
        "the process that runs {} died ({how}). If this repeats, the file is damaged or needs more \
         memory than there is: fetch it again or use a smaller model",
        path.display()
    )]
    ChildDied {
        /// The model it ran.
        path: PathBuf,
        /// How it ended.
        how: String,
    },
    /// The process that runs the model could not be started.
    #[error("the inference process {} could not be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The caller cancelled before the model had begun.
    #[error("cancelled before the model had begun")]
    Cancelled,
    /// The deadline passed before the model had begun.
    #[error(
        "the deadline passed before the model had begun; give it more time or fewer requests at once"
    )]
    Late,
    /// The provider is stopping.
    #[error("inference is stopping; ask again after the daemon has restarted")]
    Stopped,
}
