//! Rules on any text of the repository: it stands alone, and learns from nothing it is judged by.

use super::{Breach, Rule};

/// Spelled in two parts, so that this file keeps its own rule.
const OUTSIDE: [&str; 2] = [concat!("../", "shared"), concat!("/", "work/")];
const HOSTS: [&str; 3] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
];

pub(super) const RULES: [Rule; 3] = [
    Rule {
        name: "nothing outside the repository is named",
        check: outside,
        bad: &[
            ("README.md", concat!("see ../", "shared/notes.md")),
            ("a/src/x.rs", concat!("//! as `/", "work/main` has it")),
        ],
        good: &[("README.md", concat!("a/", "work/b and ../shares"))],
    },
    Rule {
        name: "what is fetched is fetched by cargo",
        check: hosts,
        bad: &[
            (".ci/run", concat!("curl https://static.crates", ".io/x")),
            (
                "deny.toml",
                concat!("allow = [\"https://pypi", ".org/simple\"]"),
            ),
        ],
        good: &[
            (
                "Cargo.lock",
                concat!("source = \"https://index.crates", ".io/\""),
            ),
            ("README.md", concat!("nothing but crates", ".io is used")),
            (
                "sandbox/NOTICE.md",
                concat!("https://pypi", ".org/project/x"),
            ),
        ],
    },
    Rule {
        name: "the model never sees what it is judged by",
        check: heldout,
        bad: &[
            (
                "bootstrap/model/generator/x.py",
                "open('heldout/phrasings.jsonl')",
            ),
            (
                "bootstrap/model/train.py",
                "from make_heldout import phrasings",
            ),
            ("bootstrap/model/run.sh", "python train.py Heldout"),
        ],
        good: &[
            (
                "bootstrap/model/make_heldout.py",
                "open('heldout/phrasings.jsonl')",
            ),
            ("bootstrap/model/evaluate.py", "heldout"),
            ("bootstrap/model/README.md", "heldout/ is for judging alone"),
            ("bootstrap/src/acceptance.rs", "bootstrap/model/heldout"),
        ],
    },
];

fn find(text: &str, advice: &str, wrong: impl Fn(&str) -> bool) -> Vec<Breach> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| wrong(line))
        .map(|(number, _)| Breach::new(number + 1, advice))
        .collect()
}

fn outside(_: &str, text: &str) -> Vec<Breach> {
    find(
        text,
        "what the repository needs is in the repository",
        |line| {
            OUTSIDE.iter().any(|place| {
                line.match_indices(place).any(|(at, _)| {
                    // `a/work/` is a folder of somebody's own; an absolute path begins a word.
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/".contains(c))
                })
            })
        },
    )
}

fn hosts(path: &str, text: &str) -> Vec<Breach> {
    let name = path.rsplit('/').next().unwrap_or(path);
    // Licences and notices say where a thing came from.
    if name == "Cargo.lock" || name.starts_with("NOTICE") || name.starts_with("LICENSE") {
        return Vec::new();
    }
    find(
        text,
        "name no download host: cargo and pip know where they fetch from",
        |line| {
            line.match_indices("://").any(|(at, _)| {
                let host = line[at + 3..]
                    .split(['/', '"', '\'', ' ', ')', '>', ':'])
                    .next();
                host.is_some_and(|host| HOSTS.iter().any(|known| host.ends_with(known)))
            })
        },
    )
}

fn heldout(path: &str, text: &str) -> Vec<Breach> {
    let Some(name) = path.strip_prefix("bootstrap/model/") else {
        return Vec::new();
    };
    let code = [".py", ".sh", ".rs", ".toml"]
        .iter()
        .any(|end| name.ends_with(end));
    let judge = ["make_heldout.py", "evaluate.py"]
        .iter()
        .any(|file| name.ends_with(file));
    if !code || judge {
        return Vec::new();
    }
    find(
        text,
        "only make_heldout.py and evaluate.py may know the held-out sets",
        |line| line.to_lowercase().contains("heldout"),
    )
}
