//! The network's description and secret on disk: measured before they are read, believed only when they fit
//! together.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use edgecoder_node_store::{Faults, write_new, write_whole};
use edgecoder_protocol::{
    Hash, Millis, NetworkId, PeerId, canonical,
    hex::{hex, unhex},
    ledger::{light::Anchor, members::MemberSet},
    network::{ADDRESSES_MAX, Genesis, NetworkSecret},
};
use serde::{Deserialize, Serialize};

use super::{Network, NetworkError, check};
use crate::config::ends_in_peer;

/// What the description calls itself.
const SCHEMA: &str = "edgecoder/network/1";
/// Bytes of a description: 64 operators and 16 addresses at their longest take 9 KiB.
const DESCRIPTION_MAX: u64 = 64 << 10;
/// Bytes of a secret: 64 digits and an end of line.
const SECRET_MAX: u64 = 65;
/// Bytes of an operator's word: 160 in base64, with what says what it is.
const LINE_MAX: u64 = 512;

/// The description as JSON.
#[derive(Serialize, Deserialize)]
struct Description {
    schema: String,
    /// The hash of the founding below: a description that was changed by hand is noticed.
    network: NetworkId,
    name: String,
    operators: Vec<PeerId>,
    members: Vec<PeerId>,
    founded: Millis,
    salt: Salt,
    addresses: Vec<String>,
    /// What the invite says of the ledger, in its canonical bytes as hexadecimal digits.
    #[serde(default)]
    anchor: Option<String>,
    /// blake3 of a private network's secret: the one beside it may be of another network.
    secret_hash: Option<Hash>,
}

/// Sixteen bytes as hexadecimal digits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Salt([u8; 16]);

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        salt.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Salt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let odd = "the salt is not 32 hexadecimal digits";
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(odd);
        }
        let salt = u128::from_str_radix(&text, 16).map_err(|_| odd)?;
        Ok(Self(salt.to_be_bytes()))
    }
}

/// What a description says.
pub struct Described {
    pub genesis: Genesis,
    pub addresses: Vec<String>,
    pub anchor: Option<Anchor>,
    pub secret_hash: Option<Hash>,
}

/// The description at `path`, if there is one.
pub fn read(path: &Path) -> Result<Option<Described>, NetworkError> {
    let damaged = |why: String| NetworkError::Damaged {
        path: path.to_owned(),
        why,
    };
    let Some(bytes) = read_up_to(path, DESCRIPTION_MAX)? else {
        return Ok(None);
    };
    if bytes.len() as u64 > DESCRIPTION_MAX {
        return Err(damaged("it is too long".into()));
    }
    let found: Description =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if found.schema != SCHEMA {
        let why = format!("it is of another version ({:?})", found.schema);
        return Err(damaged(why));
    }
    let genesis = Genesis {
        name: found.name,
        operators: found.operators,
        members: MemberSet::new(found.members)
            .ok_or_else(|| damaged("its members are too many, or none".into()))?,
        founded: found.founded,
        salt: found.salt.0,
    };
    check(&genesis).map_err(|error| damaged(error.to_string()))?;
    if genesis.id() != found.network {
        return Err(damaged("its id is not that of its founding".into()));
    }
    let addresses = found.addresses;
    if addresses.len() > ADDRESSES_MAX || !addresses.iter().all(|one| ends_in_peer(one)) {
        return Err(damaged("its addresses are no addresses of peers".into()));
    }
    let read = |text: String| {
        let bytes = unhex(&text)?;
        let anchor = canonical::decode::<Anchor>(&bytes).ok()?;
        (anchor.chain == genesis.id()).then_some(anchor)
    };
    let anchor = match found.anchor {
        None => None,
        Some(text) => {
            let odd = || damaged("its anchor is none of this network's ledger".into());
            Some(read(text).ok_or_else(odd)?)
        }
    };
    Ok(Some(Described {
        genesis,
        addresses,
        anchor,
        secret_hash: found.secret_hash,
    }))
}

/// Writes the description of `network`; unless it replaces one, of two that write at once one wins.
pub fn write(path: &Path, network: &Network, replace: bool) -> Result<(), NetworkError> {
    let genesis = &network.genesis;
    let description = Description {
        schema: SCHEMA.into(),
        network: genesis.id(),
        name: genesis.name.clone(),
        operators: genesis.operators.clone(),
        members: genesis.members.members().to_vec(),
        founded: genesis.founded,
        salt: Salt(genesis.salt),
        addresses: network.addresses.clone(),
        anchor: network
            .anchor
            .as_ref()
            .map(|one| hex(&canonical::encode(one))),
        secret_hash: network.secret.as_ref().map(|secret| Hash::of(&secret.0)),
    };
    let fail = |source| NetworkError::file("write", path, source);
    let mut bytes =
        serde_json::to_vec_pretty(&description).map_err(|error| fail(io::Error::other(error)))?;
    bytes.push(b'\n');
    let write = if replace { write_whole } else { write_new };
    write(path, &bytes, 0o600, &Faults::default()).map_err(fail)
}

/// The secret at `path`, which must be the one that the description means.
pub fn read_secret(path: &Path, hash: Hash) -> Result<NetworkSecret, NetworkError> {
    let odd = |why| NetworkError::Secret {
        path: path.to_owned(),
        why,
    };
    let bytes = read_private(path, SECRET_MAX)?.ok_or_else(|| odd("is not there"))?;
    let text = String::from_utf8(bytes).ok();
    // Read as a hash is, but its error would show what it read.
    let secret = text.and_then(|text| text.trim_end().parse::<Hash>().ok());
    let secret = secret.ok_or_else(|| odd("is not 64 hexadecimal digits"))?;
    if Hash::of(&secret.0) != hash {
        return Err(odd("is of another network"));
    }
    Ok(NetworkSecret(secret.0))
}

/// Writes the secret, replacing one.
pub fn write_secret(path: &Path, secret: &NetworkSecret) -> Result<(), NetworkError> {
    let text = format!("{}\n", Hash(secret.0));
    write_whole(path, text.as_bytes(), 0o600, &Faults::default())
        .map_err(|source| NetworkError::file("write", path, source))
}

/// A line of text, if the file is there.
pub fn read_line(path: &Path) -> Result<Option<String>, NetworkError> {
    let Some(bytes) = read_up_to(path, LINE_MAX)? else {
        return Ok(None);
    };
    let line = String::from_utf8(bytes);
    let line = line.map_err(|error| NetworkError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    Ok(Some(line))
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> Result<(), NetworkError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(NetworkError::file("remove", path, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file that only this user may read, if it is there; one byte more than `max` shows that it is longer.
pub fn read_private(path: &Path, max: u64) -> Result<Option<Vec<u8>>, NetworkError> {
    let Some(bytes) = read_up_to(path, max)? else {
        return Ok(None);
    };
    let found = fs::metadata(path).map_err(|source| NetworkError::file("read", path, source))?;
    match found.permissions().mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(NetworkError::Exposed {
            path: path.to_owned(),
            mode,
        }),
        _ => Ok(Some(bytes)),
    }
}

/// At most `max` bytes and one of the file at `path`, if it is there.
fn read_up_to(path: &Path, max: u64) -> Result<Option<Vec<u8>>, NetworkError> {
    let fail = |source| NetworkError::file("read", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}
