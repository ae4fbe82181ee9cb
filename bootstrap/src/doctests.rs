//! Whether any public item's documentation holds an example that would be run.
//!
//! The test runner does not run these, and asking rustdoc costs a compilation of every library.

use std::fs;
use std::path::Path;

/// Whether a source file below `root` has a documentation example that is meant to run.
pub fn exist_below(root: &Path) -> bool {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                if is_source_folder(&path) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && fs::read_to_string(&path).is_ok_and(|text| has_example(&text))
            {
                return true;
            }
        }
    }
    false
}

fn is_source_folder(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name != "target" && !name.starts_with('.')
}

fn has_example(source: &str) -> bool {
    let mut inside = false;
    for line in source.lines() {
        let line = line.trim_start();
        let Some(text) = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
        else {
            inside = false;
            continue;
        };
        let Some(language) = text.trim_start().strip_prefix("```") else {
            continue;
        };
        if !inside && runs(language) {
            return true;
        }
        inside = !inside;
    }
    false
}

/// A fence without a language is Rust; `text`, `json` and `ignore` are not run.
fn runs(language: &str) -> bool {
    let mut words = language.split([',', ' ']).filter(|word| !word.is_empty());
    words.all(|word| {
        matches!(word, "rust" | "no_run" | "should_panic" | "compile_fail")
            || word.starts_with("edition")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fence_that_rustdoc_runs_counts() {
        let table = [
            ("/// ```\n/// assert!(true);\n/// ```\n", true),
            ("//! ```no_run\n//! x();\n//! ```\n", true),
            ("/// ```rust,should_panic\n/// ```\n", true),
            ("/// ```text\n/// a > b\n/// ```\n", false),
            ("/// ```json\n/// {}\n/// ```\nfn f() {}\n", false),
            ("/// ```ignore\n/// ```\n", false),
            ("/// no fence\nlet fence = \"```\";\n", false),
        ];
        for (source, expected) in table {
            assert_eq!(has_example(source), expected, "{source}");
        }
    }
}
