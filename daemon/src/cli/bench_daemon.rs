//! A daemon of a benchmark's own: this program's, over fresh data and the usual cache, stopped afterwards. So neither
//! a user's tasks nor their settings are part of what is measured.

use std::path::{Path, PathBuf};

use super::{
    Place,
    client::Client,
    daemon,
    failure::{Failure, USAGE},
};
use crate::{
    config::{Layers, Settings, environment},
    data_dir,
};

/// A running daemon and where it lives.
pub struct Own {
    place: Place,
    folder: PathBuf,
    /// Speaks to it.
    pub client: Client,
}

impl Own {
    /// Starts one with `settings`, lines of a configuration file.
    pub async fn start(at: &Place, settings: &str) -> Result<Self, Failure> {
        for name in ["EDGECODER_THREADS", "EDGECODER_SANDBOX_THREADS"] {
            if std::env::var_os(name).is_some() {
                let message = format!("{name} is set, and would be part of what is measured");
                return Err(Failure::new(USAGE, message, format!("unset {name}")));
            }
        }
        let folder = at
            .config
            .cache_dir
            .join(format!("bench-{}", std::process::id()));
        let file = folder.join("config.toml");
        data_dir::make(&folder)
            .and_then(|()| std::fs::write(&file, settings))
            .map_err(|error| Failure::file("write", &file, &error))?;
        let place = place(at, &folder, &file)?;
        let client = place.client().await?;
        Ok(Self {
            place,
            folder,
            client,
        })
    }

    /// Ends it and removes its data.
    pub async fn stop(self) {
        if let Err(failure) = daemon::stop_quietly(&self.place).await {
            tracing::warn!(message = failure.message, "the benchmark's daemon goes on");
        }
        // In the cache, which may be deleted at any time; only space is lost.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn place(at: &Place, folder: &Path, file: &Path) -> Result<Place, Failure> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            let message = format!("{} is not UTF-8", path.display());
            Failure::new(USAGE, message, "set another cache_dir")
        })
    };
    let flags = vec![
        ("data_dir".to_owned(), text(&folder.join("data"))?),
        ("cache_dir".to_owned(), text(&at.config.cache_dir)?),
        ("socket".to_owned(), text(&folder.join("socket"))?),
    ];
    let layers = Layers {
        file: Some(file.to_owned()),
        environment: environment(),
        flags: flags.clone(),
    };
    let config = Settings::read(&layers)?.config()?;
    let config_flag = ("config".to_owned(), text(file)?);
    let arguments = std::iter::once(config_flag).chain(flags).collect();
    Ok(Place { config, arguments })
}
