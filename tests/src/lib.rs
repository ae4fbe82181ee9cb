//! Tests of the whole: across processes (`tests/`), and of the repository's own shape (`tidy`).
//!
//! It offers nothing to other crates.

#[cfg(test)]
mod tidy;
