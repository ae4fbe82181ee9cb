//! Checks, loads and describes a model file.

use std::{fs, path::Path};

use edgecoder_protocol::{generation::ModelCard, ids::Hash, units::Bytes};
use llama_cpp_2::{
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
};

use crate::{gguf, wire::Load};

/// Loads the file that `load` names, unless its size or header forbids it.
///
/// # Errors
/// A clause that says what is wrong with the file.
pub fn open(backend: &LlamaBackend, load: &Load) -> Result<(LlamaModel, ModelCard), String> {
    let path = Path::new(&load.path);
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > load.size_max {
        return Err(format!(
            "it has {size} bytes, and {} are allowed",
            load.size_max
        ));
    }
    let header = gguf::read(path).map_err(|error| error.to_string())?;
    let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default())
        .map_err(|_| "llama.cpp refused it: it is damaged, or of a kind unknown here".to_owned())?;
    let card = card(&header, &model, path, size);
    Ok((model, card))
}

fn card(header: &gguf::Header, model: &LlamaModel, path: &Path, size: u64) -> ModelCard {
    let stem = || {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let name = header.text("general.name").map(str::to_owned).or_else(stem);
    let style = header.text("edgecoder.prompt_style").unwrap_or("chat");
    let float = |key: &str| header.float(key).map(|value| value as f32);
    ModelCard {
        name: name.unwrap_or_default(),
        hash: Hash([0; 32]),
        size: Bytes(size),
        parameters: model.n_params(),
        context: model.n_ctx_train(),
        prompt_style: style.to_owned(),
        decline_below: float("edgecoder.decline_below"),
        sample_temperature: float("edgecoder.sample_temperature")
            .filter(|t| (0.0..=2.0).contains(t)),
    }
}
