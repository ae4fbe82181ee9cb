//! A provider that answers from a script: a double for tests, never used by a running daemon.

use std::{fmt, sync::Arc, time::Duration};

use edgecoder_protocol::{
    generation::{Candidate, FinishReason, GenerateRequest, Generation, ModelCard},
    ids::Hash,
    units::{Bytes, Tokens},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{Boxed, Delta, InferenceError, Provider};

/// How a scripted answer comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// These texts, one a candidate; the last serves for candidates beyond it.
    Say(Vec<String>),
    /// The same, after this long.
    Slowly(Duration, Vec<String>),
    /// Nonsense until the budget or the deadline ends it.
    Babble,
    /// The process dies, every time.
    Die,
}

type Script = dyn Fn(&GenerateRequest) -> Act + Send + Sync;

/// Answers each request by a script. Cheap to clone.
#[derive(Clone)]
pub struct Scripted {
    script: Arc<Script>,
    card: ModelCard,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

impl Scripted {
    /// Asks `script` what to do with each request.
    pub fn new(script: impl Fn(&GenerateRequest) -> Act + Send + Sync + 'static) -> Self {
        let card = ModelCard {
            name: "scripted".into(),
            hash: Hash([0; 32]),
            size: Bytes(0),
            parameters: 0,
            context: 4_096,
            prompt_style: "chat".into(),
            decline_below: None,
            sample_temperature: None,
        };
        Self {
            script: Arc::new(script),
            card,
        }
    }

    /// Answers a request whose last message contains a key of `table` with the texts beside it, the
    /// first match first, and any other with empty texts.
    pub fn table(table: Vec<(String, Vec<String>)>) -> Self {
        Self::new(move |request| {
            let last = request
                .messages
                .last()
                .map_or("", |message| &message.content);
            let row = table.iter().find(|(key, _)| last.contains(key));
            Act::Say(row.map(|(_, texts)| texts.clone()).unwrap_or_default())
        })
    }

    /// The same script with another card.
    pub fn with_card(self, card: ModelCard) -> Self {
        Self { card, ..self }
    }

    async fn act(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Result<Generation, InferenceError> {
        let texts = match (self.script)(&request) {
            Act::Say(texts) => texts,
            Act::Slowly(span, texts) => {
                let deadline = Instant::now() + Duration::from_millis(request.deadline_ms);
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => return Ok(ended(&request, FinishReason::Cancelled)),
                    () = sleep_until(deadline) => return Ok(ended(&request, FinishReason::Deadline)),
                    () = sleep(span) => texts,
                }
            }
            Act::Babble => {
                let each = request
                    .answer_max
                    .0
                    .min(request.budget.0 / u64::from(request.candidates.max(1)));
                let words = usize::try_from(each).unwrap_or(usize::MAX).min(100_000);
                vec!["%} lorem ".repeat(words + 1)]
            }
            Act::Die => {
                let (path, how) = ("scripted".into(), "signal: 6 (SIGABRT)".into());
                return Err(InferenceError::ChildDied { path, how });
            }
        };
        let generation = tell(&request, &texts);
        if let Some(sink) = sink {
            for (candidate, answer) in (0..).zip(&generation.candidates) {
                // A caller that stopped reading still gets the whole.
                sink.send(Delta {
                    candidate,
                    text: answer.text.clone(),
                })
                .await
                .ok();
            }
        }
        Ok(generation)
    }
}

impl Provider for Scripted {
    fn generate(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Boxed<'_, Generation> {
        Box::pin(self.act(request, sink, cancel))
    }

    fn card(&self) -> Boxed<'_, ModelCard> {
        Box::pin(async { Ok(self.card.clone()) })
    }
}

fn ended(request: &GenerateRequest, finish: FinishReason) -> Generation {
    let mut generation = tell(request, &[]);
    generation
        .candidates
        .iter_mut()
        .for_each(|candidate| candidate.finish = finish);
    generation
}

/// A word counts as a token, and an answer is cut at its budget as a model's would be.
fn tell(request: &GenerateRequest, texts: &[String]) -> Generation {
    let candidates: Vec<Candidate> = (0..request.candidates as usize)
        .map(|index| {
            let text = texts.get(index).or(texts.last()).map_or("", String::as_str);
            let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
            let most =
                usize::try_from(request.answer_max.0.min(request.budget.0)).unwrap_or(usize::MAX);
            let is_cut = words.len() > most;
            let kept: String = words.iter().take(most).copied().collect();
            Candidate {
                // A script may give the whole answer or what follows the prefix.
                text: if kept.starts_with(&request.prefix) {
                    kept
                } else {
                    request.prefix.clone() + &kept
                },
                finish: if is_cut {
                    FinishReason::Length
                } else {
                    FinishReason::Stop
                },
                mean_logprob: -0.01,
                tokens: Tokens(words.len().min(most) as u64),
            }
        })
        .collect();
    let read = request
        .messages
        .iter()
        .map(|message| message.content.split_whitespace().count());
    Generation {
        prompt_tokens: Tokens(read.sum::<usize>() as u64),
        generated_tokens: Tokens(candidates.iter().map(|candidate| candidate.tokens.0).sum()),
        candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content: &str) -> GenerateRequest {
        use edgecoder_protocol::generation::{Message, Sampling, Speaker};
        GenerateRequest {
            messages: vec![Message {
                role: Speaker::User,
                content: content.into(),
            }],
            prefix: "def ".into(),
            candidates: 2,
            sampling: Sampling {
                temperature: 0.0,
                top_p: 1.0,
                seed: 0,
            },
            budget: Tokens(8),
            answer_max: Tokens(4),
            deadline_ms: 1_000,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_answers_babbles_dawdles_and_dies() {
        let scripted = Scripted::new(|request| match request.messages[0].content.as_str() {
            "say" => Act::Say(vec!["f(): a".into(), "def g(): b".into()]),
            "slow" => Act::Slowly(Duration::from_secs(60), vec!["late".into()]),
            "babble" => Act::Babble,
            _ => Act::Die,
        });
        let ask = async |content: &str| {
            scripted
                .generate(request(content), None, CancellationToken::new())
                .await
        };
        let seen = async |content: &str| {
            let answers = ask(content).await.unwrap().candidates.into_iter();
            answers
                .map(|answer| (answer.text, answer.finish))
                .collect::<Vec<_>>()
        };
        let answer = |text: &str, finish| (text.to_owned(), finish);
        let said = [
            answer("def f(): a", FinishReason::Stop),
            answer("def g(): b", FinishReason::Stop),
        ];
        assert_eq!(seen("say").await, said);
        assert_eq!(
            seen("slow").await,
            vec![answer("def ", FinishReason::Deadline); 2]
        );
        let babble = answer("def %} lorem %} lorem ", FinishReason::Length);
        assert_eq!(seen("babble").await, vec![babble; 2]);
        assert!(matches!(
            ask("die").await,
            Err(InferenceError::ChildDied { .. })
        ));
    }
}
