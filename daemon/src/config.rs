//! Settings from `config.toml` < `EDGECODER_*` < flags, each with where it came from.
//!
//! One table names every key; an unknown one is refused with the nearest that exists, so that a typing error
//! never becomes a silent default.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

mod address;
mod keys;
mod mesh;

pub use address::{ends_in_peer, is_address};
pub use keys::KEYS;
pub use mesh::{KademliaMode, MeshConfig, ROLES, WorkerConfig};

/// The operator API's socket, in its folder.
const SOCKET: &str = "edgecoderd.sock";

/// Where a node may send and take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing leaves the machine: no mesh object exists, no socket but Unix ones.
    Local,
    /// Work may go to the peers of its network, as policy and privacy class allow.
    Mesh,
    /// As `Mesh`, in a private network.
    Enterprise,
}

impl Mode {
    /// As it is written in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Mesh => "mesh",
            Self::Enterprise => "enterprise",
        }
    }
}

/// Everything a node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it may send and take work.
    pub mode: Mode,
    /// Roles to run, each one of [`ROLES`] and once.
    pub roles: Vec<String>,
    /// Keys, database, bundles.
    pub data_dir: PathBuf,
    /// Compiled guests, unpacked model: may be deleted at any time.
    pub cache_dir: PathBuf,
    /// The operator API's Unix socket.
    pub socket: PathBuf,
    /// A GGUF file, or `embedded`.
    pub model: String,
    /// Who named it: a model that was chosen at run time gives way to any setting.
    pub model_origin: Origin,
    /// Threads of the model; 0 for physical cores minus one.
    pub threads: u32,
    /// Executions at a time; 0 for one a core.
    pub sandbox_threads: u32,
    /// Filter for the log, as `RUST_LOG`.
    pub log: String,
    /// Whether entries of the ledger from before its last two epochs are dropped.
    pub prunes: bool,
    /// How it takes part in its network; of no effect in local mode.
    pub mesh: MeshConfig,
}

/// One setting with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its value, as written.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program.
    Default,
    /// A line of the configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("unknown setting `{key}` ({origin}){}; `edgecoder config show` lists all", suggest(.near))]
    Unknown {
        /// The key.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The nearest key.
        near: Option<&'static str>,
    },
    /// A value that its key cannot have.
    #[error("`{key} = {value}` ({origin}): expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// Where it stands.
        origin: Origin,
        /// What it could be.
        expected: &'static str,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {}: {why}; correct or remove it", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No home folder to put things into.
    #[error("there is no home folder: set HOME, or EDGECODER_DATA_DIR and EDGECODER_CACHE_DIR")]
    NoHome,
}

fn suggest(near: &Option<&'static str>) -> String {
    near.map(|near| format!(": did you mean `{near}`?"))
        .unwrap_or_default()
}

/// The layers above the defaults.
#[derive(Debug, Default)]
pub struct Layers {
    /// The file to read; its absence is an error only when it was asked for.
    pub file: Option<PathBuf>,
    /// The process's environment, as pairs.
    pub environment: Vec<(String, String)>,
    /// Flags: key and value.
    pub flags: Vec<(String, String)>,
}

/// The environment of this process, as [`Layers`] takes it. What is not UTF-8 cannot be a setting, and is left out.
pub fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Environment variables of ours that are not settings.
const NOT_SETTINGS: [&str; 2] = ["EDGECODER_CONFIG", "EDGECODER_FAULT"];

/// All settings, layered.
#[derive(Clone, Debug)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Reads and checks all layers.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that cannot be used.
    pub fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let variable = |name: &str| {
            let found = layers.environment.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        let mut settings = Self(defaults(&variable)?);
        let asked = layers
            .file
            .clone()
            .or_else(|| variable("EDGECODER_CONFIG").map(PathBuf::from));
        let usual =
            || base(&variable, "XDG_CONFIG_HOME", ".config").map(|dir| dir.join("config.toml"));
        let required = asked.is_some();
        if let Some(path) = asked.or_else(usual) {
            settings.read_file(&path, required)?;
        }
        for (name, value) in &layers.environment {
            let Some(key) = name.strip_prefix("EDGECODER_") else {
                continue;
            };
            if !NOT_SETTINGS.contains(&name.as_str()) {
                let origin = Origin::Environment(name.clone());
                settings.set(&key.to_lowercase(), value, origin)?;
            }
        }
        for (key, value) in &layers.flags {
            settings.set(
                key,
                value,
                Origin::Flag(format!("--{}", key.replace('_', "-"))),
            )?;
        }
        settings.move_socket();
        Ok(settings)
    }

    /// A data folder of one's own is a node of one's own, so its socket lies in it unless a setting says where.
    fn move_socket(&mut self) {
        let chosen = self.0.get("data_dir").cloned();
        let socket = self.0.get_mut("socket");
        if let (Some(data_dir), Some(socket)) = (chosen, socket)
            && data_dir.origin != Origin::Default
            && socket.origin == Origin::Default
        {
            let path = Path::new(&data_dir.value).join(SOCKET);
            socket.value = path.to_string_lossy().into_owned();
        }
    }

    fn read_file(&mut self, path: &Path, required: bool) -> Result<(), ConfigError> {
        let fail = |why: String| ConfigError::File {
            path: path.to_owned(),
            why,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
                return Ok(());
            }
            Err(error) => return Err(fail(error.to_string())),
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| fail(error.to_string()))?;
        for (key, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(truth) => truth.to_string(),
                toml::Value::Array(items) => {
                    let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
                    texts
                        .ok_or_else(|| fail(format!("`{key}` must be a list of texts")))?
                        .join(",")
                }
                _ => {
                    return Err(fail(format!(
                        "`{key}` must be a text, a number, true, false or a list of texts"
                    )));
                }
            };
            self.set(&key, &value, Origin::File(path.to_owned()))?;
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str, origin: Origin) -> Result<(), ConfigError> {
        let Some((name, _)) = KEYS.iter().find(|(name, _)| *name == key) else {
            let near = KEYS.iter().map(|(name, _)| *name);
            let near = near.max_by(|a, b| {
                strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key))
            });
            let near = near.filter(|near| strsim::jaro_winkler(near, key) > 0.7);
            return Err(ConfigError::Unknown {
                key: key.to_owned(),
                origin,
                near,
            });
        };
        self.0.insert(
            name,
            Setting {
                value: value.to_owned(),
                origin,
            },
        );
        Ok(())
    }

    /// Every setting, in the order of [`KEYS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        KEYS.iter()
            .filter_map(|(name, _)| self.0.get(name).map(|setting| (*name, setting)))
    }

    fn parse<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let setting = self.0.get(key);
        let value = setting
            .map(|setting| setting.value.as_str())
            .unwrap_or_default();
        read(value).ok_or_else(|| ConfigError::Value {
            key,
            value: value.to_owned(),
            origin: setting.map_or(Origin::Default, |setting| setting.origin.clone()),
            expected,
        })
    }

    /// The typed settings.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first value that does not fit.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let absolute = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
        let dir = |key| self.parse(key, "an absolute path", absolute);
        let threads = |key| {
            self.parse(key, "a number from 0 to 1024", |text| {
                text.parse().ok().filter(|n| *n <= 1024)
            })
        };
        let socket = |text: &str| {
            // sun_path holds 108 bytes with the closing NUL.
            absolute(text).filter(|path| path.as_os_str().len() < 108)
        };
        let model =
            |text: &str| (text == "embedded" || text.starts_with('/')).then(|| text.to_owned());
        Ok(Config {
            mode: self.parse("mode", "local, mesh or enterprise", |text| {
                let modes = [Mode::Local, Mode::Mesh, Mode::Enterprise];
                modes.into_iter().find(|mode| mode.as_str() == text)
            })?,
            roles: self.roles()?,
            data_dir: dir("data_dir")?,
            cache_dir: dir("cache_dir")?,
            socket: self.parse("socket", "an absolute path of at most 107 bytes", socket)?,
            model: self.parse("model", "`embedded` or an absolute path", model)?,
            model_origin: self
                .0
                .get("model")
                .map_or(Origin::Default, |setting| setting.origin.clone()),
            threads: threads("threads")?,
            sandbox_threads: threads("sandbox_threads")?,
            log: self.parse("log", "a tracing filter", |text| {
                text.parse::<tracing_subscriber::EnvFilter>()
                    .ok()
                    .map(|_| text.to_owned())
            })?,
            prunes: self.parse("history", "all or epochs", |text| match text {
                "all" => Some(false),
                "epochs" => Some(true),
                _ => None,
            })?,
            mesh: self.mesh()?,
        })
    }
}

/// `$VARIABLE/edgecoder`, else `~/FALLBACK/edgecoder` (XDG base directories).
fn base(variable: &impl Fn(&str) -> Option<String>, name: &str, fallback: &str) -> Option<PathBuf> {
    let given = variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || variable("HOME").map(|home| Path::new(&home).join(fallback));
    given.or_else(home).map(|dir| dir.join("edgecoder"))
}

fn defaults(
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<&'static str, Setting>, ConfigError> {
    let data = base(variable, "XDG_DATA_HOME", ".local/share")
        .or_else(|| variable("EDGECODER_DATA_DIR").map(PathBuf::from))
        .ok_or(ConfigError::NoHome)?;
    let cache = base(variable, "XDG_CACHE_HOME", ".cache")
        .or_else(|| variable("EDGECODER_CACHE_DIR").map(PathBuf::from))
        .ok_or(ConfigError::NoHome)?;
    let runtime = variable("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("edgecoder"));
    let socket = runtime.unwrap_or_else(|| data.clone()).join(SOCKET);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let places = [
        ("data_dir", text(data)),
        ("cache_dir", text(cache)),
        ("socket", text(socket)),
    ];
    let fixed = keys::FIXED
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()));
    let setting = |(key, value)| {
        let origin = Origin::Default;
        (key, Setting { value, origin })
    };
    Ok(fixed.chain(places).map(setting).collect())
}

#[cfg(test)]
mod tests;
