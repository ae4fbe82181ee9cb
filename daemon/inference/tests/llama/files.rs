//! Files that are no models: each gives an error in words, and the handle serves the next.

use std::{fs, path::Path};

use edgecoder_inference::{
    InferenceError, Provider,
    bench::model::{Shape, random_llama, words, write_random_llama},
    gguf,
};
use edgecoder_protocol::units::Bytes;

use crate::{World, request};

/// Expects an error that names the file and says `why`, from card and request alike; then repairs the
/// file and expects an answer.
async fn check(case: &str, bytes: &[u8], why: &str) {
    let world = World::with(|path| fs::write(path, bytes).unwrap(), |_| {});
    for error in [
        world.ask(request("x")).await.unwrap_err(),
        world.llama.card().await.unwrap_err(),
    ] {
        assert!(
            matches!(error, InferenceError::BadModel { .. }),
            "{case}: {error:?}"
        );
        let words = error.to_string();
        assert!(
            words.contains(why) && words.contains("model.gguf"),
            "{case}: {words}"
        );
    }
    write_random_llama(&world.path, Shape::TINY, 1).unwrap();
    assert!(world.ask(request("x")).await.is_ok(), "{case}");
}

fn good() -> Vec<u8> {
    let mut bytes = Vec::new();
    random_llama(Shape::TINY).write(1, &mut bytes).unwrap();
    bytes
}

/// A copy in which `old`, found once, reads `new`.
fn patched(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = good();
    let at = bytes
        .windows(old.len())
        .position(|window| window == old)
        .unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

fn with_blocks(count: u32) -> Vec<u8> {
    let key = b"llama.block_count";
    let mut old = key.to_vec();
    old.extend_from_slice(&4_u32.to_le_bytes());
    let mut new = old.clone();
    new.extend_from_slice(&count.to_le_bytes());
    patched(&old, &new)
}

#[tokio::test]
async fn files_that_are_no_models_are_refused_in_words() {
    let good = good();
    let mut magic = good.clone();
    magic[0] = b'X';
    let mut version = good.clone();
    version[4] = 99;
    let mut tensors = good.clone();
    tensors[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    let words = words(Shape::TINY.vocabulary);
    let (last, before) = (&words[319], &words[318]);
    let twice = patched(last.as_bytes(), before.as_bytes());
    let table: [(&str, &[u8], &str); 10] = [
        ("empty", b"", "empty"),
        ("text", b"this is no model", "does not begin as a GGUF file"),
        ("magic", &magic, "does not begin as a GGUF file"),
        ("version", &version, "GGUF version 99"),
        ("tensor count", &tensors, "18446744073709551615 tensors"),
        ("cut in the header", &good[..700], "ends inside its header"),
        (
            "cut in the data",
            &good[..good.len() / 2],
            "llama.cpp refused it",
        ),
        ("no layers", &with_blocks(0), "0 layers"),
        ("many layers", &with_blocks(100_000), "100000 layers"),
        ("vocabulary", &twice, "the same word twice"),
    ];
    for (case, bytes, why) in table {
        check(case, bytes, why).await;
    }
}

#[tokio::test]
async fn a_file_over_the_size_limit_is_refused() {
    let world = World::with(
        |path| write_random_llama(path, Shape::TINY, 1).unwrap(),
        |config| config.size_max = Bytes(1_000),
    );
    let error = world.ask(request("x")).await.unwrap_err();
    assert!(error.to_string().contains("1000 are allowed"), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_called_missing() {
    let world = World::with(|_| {}, |_| {});
    let error = world.llama.card().await.unwrap_err();
    assert!(matches!(error, InferenceError::NoModel { .. }), "{error:?}");
}

#[test]
fn a_header_reads_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    write_random_llama(&path, Shape::TINY, 1).unwrap();
    let header = gguf::read(&path).unwrap();
    assert_eq!(header.text("general.architecture"), Some("llama"));
    assert_eq!(header.unsigned("llama.embedding_length"), Some(64));
    assert_eq!(
        header.metadata.get("tokenizer.ggml.tokens"),
        Some(&gguf::Value::Array(320))
    );
    // Embedding, then per layer four square matrices, three of the feed-forward part and two norms.
    let expected = 320 * 64 + 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64);
    assert_eq!(header.parameters(), expected);
}

#[test]
fn no_damage_to_a_header_is_fatal_to_its_reader() {
    let good = good();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..500 {
        let mut bytes = good[..4_000].to_vec();
        for _ in 0..4 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[(random >> 16) as usize % 4_000] = random as u8;
        }
        fs::write(&path, bytes).unwrap();
        // Whether it is refused depends on the damage; that it returns is the point.
        gguf::read(Path::new(&path)).ok();
    }
}
