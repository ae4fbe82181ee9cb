//! The operator API's description changes only deliberately.
//!
//! `BLESS=1 cargo test -p edgecoder-daemon --test openapi` rewrites the file; a reviewer sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use std::{fs, path::Path};

#[test]
fn the_openapi_document_is_the_one_under_review() {
    let found = edgecoder_daemon::api::openapi().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{found}\n")).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    assert!(
        found == wanted.trim_end(),
        "the API changed: look at the difference, then bless it"
    );
}
