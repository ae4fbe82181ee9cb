//! Turns a request's messages into tokens, such that no text a person wrote becomes a control token.

use edgecoder_protocol::generation::GenerateRequest;
use llama_cpp_2::{model::LlamaModel, token::LlamaToken, vocab::LlamaVocab};

use super::template::{self, Piece, Specials};

/// How a model wants to be prompted.
pub struct Prompter<'model> {
    vocab: LlamaVocab<'model>,
    template: Option<String>,
    specials: Specials,
}

impl<'model> Prompter<'model> {
    /// Takes the template and special words from the loaded file.
    pub fn new(model: &'model LlamaModel) -> Self {
        let vocab = model.vocab();
        let word = |token: LlamaToken| {
            // -1 stands for a token that the vocabulary lacks.
            let text = (token.0 >= 0).then(|| vocab.text(token)).flatten();
            text.map(|text| text.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let specials = Specials {
            bos: word(vocab.bos()),
            eos: word(vocab.eos()),
        };
        let template = model.chat_template(None).ok();
        Self {
            specials,
            template: template.and_then(|template| template.to_string().ok()),
            vocab: model.vocab(),
        }
    }

    /// The tokens of the whole prompt, the answer's prefix included.
    ///
    /// # Errors
    /// In words, when not even the fall-back template can be rendered.
    pub fn tokens(&self, request: &GenerateRequest) -> Result<Vec<LlamaToken>, String> {
        let template = self.template.as_deref();
        let pieces =
            template::render(template, &self.specials, &request.messages, &request.prefix)?;
        let mut tokens = self.tokenise(&pieces);
        let bos = self.vocab.bos();
        if self.vocab.should_add_bos() && bos.0 >= 0 && tokens.first() != Some(&bos) {
            tokens.insert(0, bos);
        }
        Ok(tokens)
    }

    /// Piece by piece is safe, but cuts words where pieces meet, which the model never saw in training.
    /// So the whole text is used wherever it has exactly the control tokens that the template wrote.
    fn tokenise(&self, pieces: &[Piece]) -> Vec<LlamaToken> {
        let apart: Vec<LlamaToken> = pieces
            .iter()
            .flat_map(|piece| {
                let own = matches!(piece, Piece::Template(_));
                self.vocab.tokenize(piece.text().as_bytes(), false, own)
            })
            .collect();
        let whole: String = pieces.iter().map(Piece::text).collect();
        let whole = self.vocab.tokenize(whole.as_bytes(), false, true);
        if self.controls(&whole).eq(self.controls(&apart)) {
            whole
        } else {
            apart
        }
    }

    fn controls(&self, tokens: &[LlamaToken]) -> impl Iterator<Item = LlamaToken> {
        let vocab = &self.vocab;
        tokens
            .iter()
            .copied()
            .filter(|&token| vocab.is_control(token) || vocab.is_eog(token))
            .collect::<Vec<_>>()
            .into_iter()
    }
}
