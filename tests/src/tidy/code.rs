//! Reads Rust as far as the rules need it: code without comments and strings, and the paths it names.
//!
//! It is no parser: macros' bodies are read like any other code.

/// A path that the code names, such as `std::fs::read`; a lone identifier is a path of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// From 1.
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    /// In a `use` declaration, nested braces taken apart.
    pub(super) imported: bool,
}

impl Mention {
    /// Whether this names something of the crate or module `root` (`tokio`, `std::fs`). A lone
    /// identifier does not, unless imported: it may be anybody's variable.
    pub(super) fn is_below(&self, root: &str) -> bool {
        let wanted: Vec<&str> = root.split("::").collect();
        (self.imported || self.segments.len() > 1)
            && self.segments.len() >= wanted.len()
            && self
                .segments
                .iter()
                .zip(wanted)
                .all(|(segment, wanted)| segment == wanted)
    }

    /// Whether `word` is a part of the path.
    pub(super) fn contains(&self, word: &str) -> bool {
        self.segments.iter().any(|segment| segment == word)
    }
}

/// `text` with every comment, string and character literal blanked; lines stay where they are.
pub(super) fn blank(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < source.len() {
        let end = match literal_end(&source, at) {
            Some(end) => end,
            None => {
                out.push(source[at]);
                at += 1;
                continue;
            }
        };
        out.extend(
            source[at..end]
                .iter()
                .map(|c| if *c == '\n' { '\n' } else { ' ' }),
        );
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends; nothing if none begins there.
fn literal_end(source: &[char], at: usize) -> Option<usize> {
    let next = source.get(at + 1).copied();
    match source[at] {
        '/' if next == Some('/') => Some(find(source, at, &['\n']).unwrap_or(source.len())),
        '/' if next == Some('*') => Some(block_comment_end(source, at)),
        '"' => Some(string_end(source, at)),
        'r' if !in_word(source, at) || source[at - 1] == 'b' => raw_string_end(source, at),
        '\'' if next == Some('\\') => {
            Some(find(source, at + 3, &['\'']).map_or(at + 1, |end| end + 1))
        }
        // `'a'` is a character, `'a` a lifetime.
        '\'' if source.get(at + 2) == Some(&'\'') => Some(at + 3),
        _ => None,
    }
}

fn in_word(source: &[char], at: usize) -> bool {
    at > 0 && (source[at - 1].is_alphanumeric() || source[at - 1] == '_')
}

fn find(source: &[char], from: usize, wanted: &[char]) -> Option<usize> {
    (from..source.len()).find(|at| source[*at..].starts_with(wanted))
}

fn block_comment_end(source: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < source.len() {
        if source[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if source[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    source.len()
}

fn string_end(source: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < source.len() {
        match source[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

fn raw_string_end(source: &[char], start: usize) -> Option<usize> {
    let hashes = source[start + 1..]
        .iter()
        .take_while(|c| **c == '#')
        .count();
    let open = start + 1 + hashes;
    if source.get(open) != Some(&'"') {
        return None;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    Some(find(source, open + 1, &close).map_or(source.len(), |end| end + close.len()))
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Colons,
    Sign(char),
}

fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let word: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let (token, length) = if !word.is_empty() {
                let length = word.len();
                (Token::Word(word), length)
            } else if rest.starts_with("::") {
                (Token::Colons, 2)
            } else {
                (Token::Sign(first), first.len_utf8())
            };
            if token != Token::Sign(' ') {
                found.push((number + 1, token));
            }
            rest = &rest[length..];
        }
    }
    found
}

/// The paths that `code` (blanked) names, `use` declarations taken apart.
pub(super) fn mentions(code: &str) -> Vec<Mention> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].1 {
            Token::Word(word) if word == "use" => {
                at = imports(&tokens, at + 1, &[], &mut found);
            }
            Token::Word(_) => {
                let (segments, next) = path(&tokens, at);
                found.push(Mention {
                    line: tokens[at].0,
                    segments,
                    imported: false,
                });
                at = next;
            }
            Token::Colons | Token::Sign(_) => at += 1,
        }
    }
    found
}

/// The path that begins at `at`, and where it ends.
fn path(tokens: &[(usize, Token)], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some((_, Token::Word(word))) = tokens.get(at) {
        segments.push(word.clone());
        at += 1;
        let colons = matches!(tokens.get(at), Some((_, Token::Colons)));
        if !colons || !matches!(tokens.get(at + 1), Some((_, Token::Word(_)))) {
            break;
        }
        at += 1;
    }
    (segments, at)
}

/// Takes one tree of a `use` declaration apart; returns where it ends.
fn imports(
    tokens: &[(usize, Token)],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<Mention>,
) -> usize {
    if matches!(tokens.get(at), Some((_, Token::Colons))) {
        at += 1;
    }
    let Some(line) = tokens.get(at).map(|(line, _)| *line) else {
        return at;
    };
    let (own, mut at) = path(tokens, at);
    let segments = [prefix, own.as_slice()].concat();
    if matches!(tokens.get(at), Some((_, Token::Colons))) {
        at += 1;
    }
    if !matches!(tokens.get(at), Some((_, Token::Sign('{')))) {
        found.push(Mention {
            line,
            segments,
            imported: true,
        });
        // `as name` and `*` end with the declaration or at the next comma.
        let end = |token: &Token| matches!(token, Token::Sign(',' | '}' | ';'));
        while tokens.get(at).is_some_and(|(_, token)| !end(token)) {
            at += 1;
        }
        return at;
    }
    loop {
        // Past `{` or `,`.
        at = imports(tokens, at + 1, &segments, found);
        match tokens.get(at) {
            Some((_, Token::Sign(','))) => {}
            Some((_, Token::Sign('}'))) => return at + 1,
            Some(_) | None => return at,
        }
    }
}

#[test]
fn comments_and_strings_are_no_code() {
    let table = [
        ("a // tokio\nb", "a         \nb"),
        ("a /* x /* y */ z */ b", "a                   b"),
        (r#"f("tokio \" x") g"#, r"f(            ) g"),
        (r##"f(r#"a"b"#) g"##, "f(        ) g"),
        ("'\\'' 'a' &'a str", "         &'a str"),
        ("for_ r in rs", "for_ r in rs"),
    ];
    for (text, expected) in table {
        assert_eq!(blank(text), expected, "{text}");
    }
}

#[test]
fn nested_imports_are_taken_apart() {
    let named = |code: &str| -> Vec<String> {
        mentions(code)
            .into_iter()
            .map(|mention| mention.segments.join("::"))
            .collect()
    };
    let table = [
        (
            "use std::{fs, net::{TcpStream, *}, time as t};",
            vec!["std::fs", "std::net::TcpStream", "std::net", "std::time"],
        ),
        ("pub use a::b;\nx", vec!["pub", "a::b", "x"]),
        (
            "let y = std::fs::read(p);",
            vec!["let", "y", "std::fs::read", "p"],
        ),
        ("use {std::fs, sled};", vec!["std::fs", "sled"]),
    ];
    for (code, expected) in table {
        assert_eq!(named(code), expected, "{code}");
    }
}
