//! The peer: the shortest program over llama.cpp's C API that reads a prompt and writes tokens greedily.

use std::{
    ffi::{CString, c_char},
    io::{self, BufRead, Write},
    process::ExitCode,
    ptr,
};

use llama_cpp_sys_2 as sys;

/// Runs the peer: arguments are the model's path, and the tokens of context, of the prompt and of the
/// answer. For every line on standard input it does one run and prints the tokens it generated.
pub fn peer_main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let args: Vec<String> = args.into_iter().collect();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &[String]) -> io::Result<()> {
    let wrong = || io::Error::other("expected MODEL CONTEXT PROMPT TOKENS");
    let [path, numbers @ ..] = args else {
        return Err(wrong());
    };
    let numbers: Vec<u32> = numbers
        .iter()
        .map_while(|number| number.parse().ok())
        .collect();
    let [context, prompt, tokens] = numbers[..] else {
        return Err(wrong());
    };
    let mut peer = Peer::open(path, context, prompt)?;
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    for line in io::stdin().lock().lines() {
        line?;
        writeln!(out, "{}", peer.run(tokens)?)?;
    }
    Ok(())
}

unsafe extern "C" fn no_log(_: sys::ggml_log_level, _: *const c_char, _: *mut std::ffi::c_void) {}

/// The C objects, which live as long as the process.
struct Peer {
    context: *mut sys::llama_context,
    vocab: *const sys::llama_vocab,
    sampler: *mut sys::llama_sampler,
    words: u32,
    prompt: u32,
    random: u32,
    text: Vec<u8>,
}

impl Peer {
    fn open(path: &str, context: u32, prompt: u32) -> io::Result<Self> {
        let path = CString::new(path)?;
        // SAFETY: the C API as its header documents it, from one thread: the path is a C string that
        // outlives the call, parameters are the library's own defaults, null results are checked before
        // use, and nothing is freed before the process ends.
        unsafe {
            sys::llama_log_set(Some(no_log), ptr::null_mut());
            sys::llama_backend_init();
            let model =
                sys::llama_model_load_from_file(path.as_ptr(), sys::llama_model_default_params());
            if model.is_null() {
                return Err(io::Error::other("the model cannot be loaded"));
            }
            let mut parameters = sys::llama_context_default_params();
            parameters.n_ctx = context;
            parameters.n_batch = 512;
            parameters.n_ubatch = 512;
            parameters.n_threads = 1;
            parameters.n_threads_batch = 1;
            let context = sys::llama_init_from_model(model, parameters);
            if context.is_null() {
                return Err(io::Error::other("there is no memory for the context"));
            }
            let vocab = sys::llama_model_get_vocab(model);
            let sampler = sys::llama_sampler_chain_init(sys::llama_sampler_chain_default_params());
            sys::llama_sampler_chain_add(sampler, sys::llama_sampler_init_greedy());
            let words = sys::llama_vocab_n_tokens(vocab).unsigned_abs();
            Ok(Self {
                context,
                vocab,
                sampler,
                words,
                prompt,
                random: 1,
                text: Vec::new(),
            })
        }
    }

    /// Decodes a random prompt and generates up to `most` tokens; returns how many.
    fn run(&mut self, most: u32) -> io::Result<u32> {
        // SAFETY: the context is valid, and memory belongs to it.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.context), true) };
        self.text.clear();
        let prompt: Vec<sys::llama_token> = (0..self.prompt).map(|_| self.draw()).collect();
        for chunk in prompt.chunks(512) {
            self.decode(&mut chunk.to_vec())?;
        }
        for generated in 1..=most {
            // SAFETY: the last decode left logits, which -1 names; sampler and vocabulary are valid.
            let (token, is_end) = unsafe {
                let token = sys::llama_sampler_sample(self.sampler, self.context, -1);
                (token, sys::llama_vocab_is_eog(self.vocab, token))
            };
            if is_end {
                return Ok(generated);
            }
            self.append(token);
            if generated < most {
                self.decode(&mut [token])?;
            }
        }
        Ok(most)
    }

    fn decode(&mut self, tokens: &mut [sys::llama_token]) -> io::Result<()> {
        let count = i32::try_from(tokens.len()).map_err(io::Error::other)?;
        // SAFETY: the batch borrows `tokens` for this call only, and its length is theirs.
        let result = unsafe {
            sys::llama_decode(
                self.context,
                sys::llama_batch_get_one(tokens.as_mut_ptr(), count),
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::other(format!("llama_decode: {result}")))
        }
    }

    fn append(&mut self, token: sys::llama_token) {
        let mut piece = [0_u8; 64];
        let room = i32::try_from(piece.len()).unwrap_or(0);
        // SAFETY: at most `room` bytes are written, which is what `piece` has.
        let length = unsafe {
            sys::llama_token_to_piece(self.vocab, token, piece.as_mut_ptr().cast(), room, 0, false)
        };
        // Negative when the piece did not fit, which no word of the benchmark's model does.
        let length = usize::try_from(length).unwrap_or(0);
        self.text
            .extend_from_slice(piece.get(..length).unwrap_or_default());
    }

    /// xorshift32; byte tokens, as the other side's prompt has.
    fn draw(&mut self) -> sys::llama_token {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        i32::try_from(self.random % self.words.clamp(1, 256)).unwrap_or(0)
    }
}
