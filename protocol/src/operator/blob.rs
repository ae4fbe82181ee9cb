//! Bytes and files in JSON.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::execution::{FileTree, RelPath};

/// Bytes in JSON: base64 (RFC 4648, standard alphabet, padded).
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("not padded standard base64"))
    }
}

/// Files as JSON: path to base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = BTreeMap<String, String>)]
pub struct Files(pub BTreeMap<RelPath, Blob>);

impl Files {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<FileTree> for Files {
    fn from(tree: FileTree) -> Self {
        Self(
            tree.0
                .into_iter()
                .map(|(path, content)| (path, Blob(content)))
                .collect(),
        )
    }
}

impl From<Files> for FileTree {
    fn from(files: Files) -> Self {
        Self(
            files
                .0
                .into_iter()
                .map(|(path, content)| (path, content.0))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_standard_base64() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            let blob = Blob(bytes.into());
            assert_eq!(serde_json::to_string(&blob).unwrap(), format!("{text:?}"));
            assert_eq!(
                serde_json::from_str::<Blob>(&format!("{text:?}")).unwrap(),
                blob
            );
        }
        for bad in ["Z", "Zg=", "Z===", "Zg==Zg==", "Z g=", "é"] {
            assert!(
                serde_json::from_str::<Blob>(&format!("{bad:?}")).is_err(),
                "{bad}"
            );
        }
    }
}
