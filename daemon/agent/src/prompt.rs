//! How a task is put to a model: one wording for the embedded model's small language, one for chat models.

use edgecoder_protocol::generation::{Message, Speaker};

/// Which wording a model understands (metadata `edgecoder.prompt_style`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The embedded model: a sentence in, code out, a failure sentence as a second turn.
    Seedling,
    /// Any instruction-tuned model: fenced code in Markdown.
    Chat,
}

impl Style {
    /// The style that a model's metadata names.
    pub fn named(name: &str) -> Self {
        if name == "seedling/1" {
            Self::Seedling
        } else {
            Self::Chat
        }
    }
}

/// A prompt, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    style: Style,
    /// What is asked for: the docstring of a `def` with one, else the whole prompt.
    instruction: String,
    /// `def name(args):`, when the prompt tells it.
    signature: Option<String>,
    prompt: String,
    tests_text: String,
}

/// Characters of tests shown to a chat model.
const TESTS_SHOWN: usize = 4_000;

impl Wording {
    /// Takes `prompt` apart; `entry` is the function that the tests call.
    pub fn new(style: Style, prompt: &str, entry: Option<&str>, tests_text: &str) -> Self {
        let header = header(prompt);
        let signature = header
            .as_ref()
            .map(|(signature, _)| signature.clone())
            .or_else(|| call_in_words(prompt, entry));
        let instruction = match header {
            Some((_, docstring)) if !docstring.is_empty() => docstring,
            Some(_) | None => prompt.trim().to_owned(),
        };
        Self {
            style,
            instruction,
            signature,
            prompt: prompt.to_owned(),
            tests_text: tests_text.chars().take(TESTS_SHOWN).collect(),
        }
    }

    /// How each answer begins.
    pub fn prefix(&self) -> String {
        match (self.style, &self.signature) {
            (Style::Seedling, Some(signature)) => format!("{signature}\n"),
            (Style::Seedling, None) | (Style::Chat, _) => String::new(),
        }
    }

    /// The name that the signature defines.
    pub fn function(&self) -> Option<&str> {
        let signature = self.signature.as_deref()?;
        signature.strip_prefix("def ")?.split('(').next()
    }

    /// Asks for code.
    pub fn first(&self) -> Vec<Message> {
        match self.style {
            Style::Seedling => vec![user(self.instruction.clone())],
            Style::Chat => {
                let mut text = self.prompt.clone();
                if !self.tests_text.is_empty() {
                    text.push_str("\n\nIt must pass these tests:\n```\n");
                    text.push_str(&self.tests_text);
                    text.push_str("\n```");
                }
                vec![system(), user(text)]
            }
        }
    }

    /// Asks for a better version of `code`, which failed as `failure` says. Only the last failure is
    /// told: the context stays bounded however many attempts there are.
    pub fn repair(&self, code: &str, failure: &str) -> Vec<Message> {
        let mut messages = self.first();
        match self.style {
            Style::Seedling => {
                messages.push(assistant(code.to_owned()));
                messages.push(user(failure.lines().next().unwrap_or_default().to_owned()));
            }
            Style::Chat => {
                messages.push(assistant(format!("```python\n{code}```")));
                messages.push(user(format!(
                    "A test failed:\n{failure}\n\nReply with the whole corrected program in one code block."
                )));
            }
        }
        messages
    }

    /// Asks for tests.
    pub fn tests(&self) -> Vec<Message> {
        match self.style {
            Style::Seedling => vec![user(format!("Write tests: {}", self.instruction))],
            Style::Chat => vec![
                system(),
                user(format!(
                    "{}\n\nDo not write the program. Write at most five tests of it: plain `assert` lines, each a \
                     call compared with `==` to its expected value, in one code block.",
                    self.prompt
                )),
            ],
        }
    }
}

fn system() -> Message {
    let content = "You write correct Python 3 using only the standard library. \
                   Reply with the whole program in one ```python code block and nothing else.";
    Message {
        role: Speaker::System,
        content: content.to_owned(),
    }
}

fn user(content: String) -> Message {
    Message {
        role: Speaker::User,
        content,
    }
}

fn assistant(content: String) -> Message {
    Message {
        role: Speaker::Assistant,
        content,
    }
}

/// The last `def` line of a prompt in HumanEval's form, and its docstring's sentences without doctests.
fn header(prompt: &str) -> Option<(String, String)> {
    let start = prompt
        .rfind("\ndef ")
        .map(|at| at + 1)
        .or(prompt.starts_with("def ").then_some(0))?;
    let rest = &prompt[start..];
    let end = rest
        .find(":\n")
        .or_else(|| rest.ends_with(':').then(|| rest.len() - 1))?;
    let signature = &rest[..=end];
    if signature.contains('\n') {
        return None;
    }
    let body = rest[end + 1..].trim();
    let docstring = ["\"\"\"", "'''"].iter().find_map(|quote| {
        let inner = body.strip_prefix(quote)?;
        Some(&inner[..inner.find(quote).unwrap_or(inner.len())])
    });
    let sentences: Vec<&str> = docstring
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with(">>>"))
        .filter(|line| !line.is_empty())
        .collect();
    Some((plain_signature(signature), sentences.join(" ")))
}

/// The signature without annotations, which the embedded model has never seen.
fn plain_signature(signature: &str) -> String {
    let Some((head, rest)) = signature.split_once('(') else {
        return signature.to_owned();
    };
    let Some((args, _)) = rest.rsplit_once(')') else {
        return signature.to_owned();
    };
    if args.contains(['[', '(', '=', '*']) && !args.contains(':') {
        return signature.to_owned();
    }
    let mut depth = 0_u32;
    let mut names = vec![String::new()];
    let mut annotated = false;
    for c in args.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                names.push(String::new());
                annotated = false;
                continue;
            }
            ':' if depth == 0 => annotated = true,
            _ => {}
        }
        if !annotated
            && depth == 0
            && let Some(name) = names.last_mut()
        {
            name.push(c);
        }
    }
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    format!("{head}({}):", names.join(", "))
}

/// `def name(args):` where the prompt writes the call in words: "a function largest(nums) that …".
fn call_in_words(prompt: &str, entry: Option<&str>) -> Option<String> {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let opens = prompt.match_indices('(').map(|(at, _)| at);
    opens
        .filter_map(|at| {
            let before = &prompt[..at];
            let name = &before[before.rfind(|c| !is_word(c)).map_or(0, |end| end + 1)..];
            let args = &prompt[at + 1..at + prompt[at..].find(')')?];
            let named = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
            let plain = args.split(',').all(|arg| {
                let arg = arg.trim();
                !arg.is_empty()
                    && arg.chars().all(is_word)
                    && !arg.starts_with(|c: char| c.is_ascii_digit())
            });
            (named && plain && entry.is_none_or(|entry| entry == name))
                .then(|| format!("def {name}({args}):"))
        })
        .next()
}

/// How a model of this style is asked to split a task into steps; `None` for one that cannot.
///
/// `files` are the names in the task's folder, the one to write last; at most `steps_max` steps are asked for. What it
/// answers is read by `edgecoder_protocol::plan`.
pub fn decomposition(
    style: &str,
    prompt: &str,
    files: &[String],
    steps_max: usize,
) -> Option<Vec<Message>> {
    if Style::named(style) == Style::Seedling {
        return None;
    }
    let says = |role, content: String| Message { role, content };
    let rules = format!(
        "You plan Python work. Answer with one JSON object and nothing else: {{\"steps\": [{{\"id\": \"...\", \
         \"prompt\": \"what to write, in words\", \"writes\": \"file.py\", \"needs\": [\"ids of earlier \
         steps\"], \"tests\": \"an existing test file, or leave it out\"}}]}}. Each step writes one file. Use as \
         few steps as make sense, one for a small task, {steps_max} at most."
    );
    let target = files.last().map_or("solution.py", String::as_str);
    let there = files.join(", ");
    let task = format!("Files: {there}\nThe last step writes {target}.\n\nTask:\n{prompt}");
    Some(vec![
        says(Speaker::System, rules),
        says(Speaker::User, task),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_and_instruction_are_found() {
        let check = |prompt: &str, entry: Option<&str>, prefix: &str, instruction: &str| {
            let wording = Wording::new(Style::Seedling, prompt, entry, "");
            assert_eq!(wording.prefix(), prefix, "{prompt}");
            assert_eq!(wording.first()[0].content, instruction, "{prompt}");
        };
        check(
            "def f(xs):\n    \"\"\"Return the sum of xs.\n    >>> f([1])\n    1\n    \"\"\"\n",
            Some("f"),
            "def f(xs):\n",
            "Return the sum of xs.",
        );
        check(
            "from typing import List\n\n\ndef g(a: List[int], b: float) -> bool:\n    \"\"\" Check. \"\"\"\n",
            None,
            "def g(a, b):\n",
            "Check.",
        );
        check(
            "Write a function largest(nums) that returns the largest.",
            None,
            "def largest(nums):\n",
            "Write a function largest(nums) that returns the largest.",
        );
        check(
            "Write f(x, y), the sum.",
            Some("g"),
            "",
            "Write f(x, y), the sum.",
        );
        check(
            "Sum (in Python) of a list",
            None,
            "",
            "Sum (in Python) of a list",
        );
    }

    #[test]
    fn a_repair_tells_the_code_and_the_first_line_of_its_failure() {
        let wording = Wording::new(Style::Seedling, "Write f(x).", None, "");
        let contents: Vec<String> = wording
            .repair("bad\n", "f(1) returned 2, expected 3\nmore")
            .into_iter()
            .map(|m| m.content)
            .collect();
        assert_eq!(
            contents,
            ["Write f(x).", "bad\n", "f(1) returned 2, expected 3"]
        );
    }
}
