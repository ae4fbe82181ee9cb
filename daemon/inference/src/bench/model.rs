//! Random-weight llama models: they compute what a trained one of the same shape would, and say nothing.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use crate::gguf::{Kind, Writer};

/// The shape of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width of the residual stream, a multiple of 32 and of the heads' 32.
    pub width: u32,
    /// Layers.
    pub layers: u32,
    /// Width of the feed-forward part, a multiple of 32.
    pub hidden: u32,
    /// Attention heads.
    pub heads: u32,
    /// Words, at least the 256 bytes and 2 control tokens.
    pub vocabulary: u32,
    /// Tokens of context it claims to be trained for.
    pub context: u32,
}

impl Shape {
    /// About 110 million parameters, 116 MB.
    pub const BENCH: Self = Self {
        width: 768,
        layers: 12,
        hidden: 2_048,
        heads: 12,
        vocabulary: 32_000,
        context: 2_048,
    };

    /// Some ten thousands of parameters, for tests.
    pub const TINY: Self = Self {
        width: 64,
        layers: 2,
        hidden: 128,
        heads: 2,
        vocabulary: 320,
        context: 4_096,
    };
}

/// The word that begins a turn.
pub const TURN: &str = "<|im_start|>";
/// The word that ends a turn, and an answer.
pub const END: &str = "<|im_end|>";

/// All that such a file says, for a caller to change before it is written.
pub fn random_llama(shape: Shape) -> Writer {
    let mut out = Writer::default();
    out.text("general.architecture", "llama");
    out.text("general.name", "random");
    out.unsigned("llama.context_length", shape.context);
    out.unsigned("llama.embedding_length", shape.width);
    out.unsigned("llama.block_count", shape.layers);
    out.unsigned("llama.feed_forward_length", shape.hidden);
    out.unsigned("llama.attention.head_count", shape.heads);
    out.unsigned("llama.attention.head_count_kv", shape.heads);
    out.float("llama.attention.layer_norm_rms_epsilon", 1e-5);
    out.unsigned("llama.rope.dimension_count", shape.width / shape.heads);
    out.unsigned("llama.vocab_size", shape.vocabulary);
    vocabulary(&mut out, shape.vocabulary);
    tensors(&mut out, shape);
    out
}

/// Writes a random model to `path`; the same seed gives the same file.
///
/// # Errors
/// Those of the file system.
pub fn write_random_llama(path: &Path, shape: Shape, seed: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    random_llama(shape).write(seed, &mut out)?;
    out.flush()
}

/// Words of a byte-level vocabulary: every byte, two control words, then fillers.
pub fn words(size: u32) -> Vec<String> {
    let bytes = (0..=255).map(|byte| byte_letter(byte).to_string());
    let fillers = (258..).map(|index| format!("w{index:05}"));
    bytes
        .chain([TURN.into(), END.into()])
        .chain(fillers)
        .take(size as usize)
        .collect()
}

fn vocabulary(out: &mut Writer, size: u32) {
    const NORMAL: i32 = 1;
    const CONTROL: i32 = 3;
    let kinds: Vec<i32> = (0..size)
        .map(|index| {
            if index == 256 || index == 257 {
                CONTROL
            } else {
                NORMAL
            }
        })
        .collect();
    out.text("tokenizer.ggml.model", "gpt2");
    out.text("tokenizer.ggml.pre", "qwen2");
    out.texts("tokenizer.ggml.tokens", &words(size));
    out.numbers("tokenizer.ggml.token_type", &kinds);
    out.texts("tokenizer.ggml.merges", &[]);
    out.unsigned("tokenizer.ggml.bos_token_id", 256);
    out.unsigned("tokenizer.ggml.eos_token_id", 257);
    out.truth("tokenizer.ggml.add_bos_token", false);
}

fn tensors(out: &mut Writer, shape: Shape) {
    let [width, hidden] = [shape.width, shape.hidden].map(u64::from);
    // Keeps the variance of what passes through about the same in every layer.
    let scale = |row: u64| (3.0 / row as f32).sqrt();
    let matrix = |out: &mut Writer, name: String, row: u64, rows: u64| {
        out.random(name, row, rows, Kind::Q8, scale(row));
    };
    // Tied with the output by the absence of output.weight. Larger than the rest, so that logits lie far
    // enough apart for rounding, which differs with what else is in the batch, to decide nothing.
    let embedding = "token_embd.weight";
    out.random(
        embedding,
        width,
        shape.vocabulary.into(),
        Kind::Q8,
        3.0 * scale(width),
    );
    out.ones("output_norm.weight", width);
    for layer in 0..shape.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        out.ones(name("attn_norm"), width);
        out.ones(name("ffn_norm"), width);
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            matrix(out, name(part), width, width);
        }
        matrix(out, name("ffn_gate"), width, hidden);
        matrix(out, name("ffn_up"), width, hidden);
        matrix(out, name("ffn_down"), hidden, width);
    }
}

/// GPT-2's printable stand-in for a byte: itself where it is printable, else a letter from U+0100 on.
fn byte_letter(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if printable(byte) {
        return byte.into();
    }
    let before = (0..byte).filter(|&other| !printable(other)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(' ')
}
