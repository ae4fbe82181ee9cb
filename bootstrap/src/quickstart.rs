//! `cargo quickstart`: from a checkout to a first solved task on the screen.

use std::fs;
use std::io;

use crate::failure::{FAILED, Failure};
use crate::invocation::{Invocation, quoted};
use crate::place::Place;
use crate::progress::{Done, Progress};
use crate::setup;

const STEPS: usize = 4;

/// Runs all steps; stops at the first that fails.
pub fn run(place: Place) -> Result<(), Failure> {
    let mut progress = Progress::new(place, STEPS);
    progress.screen.line(
        "EdgeCoder quickstart: builds from this checkout, then solves a first task, all on this machine.",
    );
    setup::tools(&mut progress)?;
    setup::build(&mut progress)?;
    setup::guest(&mut progress)?;
    let sample = Sample::prepare(&progress.place)?;
    solve(&mut progress, &sample)?;
    closing(&progress, &sample);
    Ok(())
}

/// The task that a newcomer sees solved, and where its results go.
#[derive(Debug)]
struct Sample {
    prompt: String,
    cases: String,
    solution: String,
    receipt: String,
    bundle: String,
}

impl Sample {
    fn prepare(place: &Place) -> Result<Self, Failure> {
        let shipped = place.root.join("bootstrap/sample");
        let results = place.cache.join("quickstart");
        let ready = || -> io::Result<Self> {
            fs::create_dir_all(&results)?;
            let result = |name: &str| -> io::Result<String> {
                let path = results.join(name);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    Ok(()) | Err(_) => Ok(path.display().to_string()),
                }
            };
            Ok(Self {
                prompt: fs::read_to_string(shipped.join("prompt.txt"))?
                    .trim()
                    .to_owned(),
                cases: shipped.join("sample.json").display().to_string(),
                solution: result("solution.py")?,
                receipt: result("receipt.json")?,
                bundle: result("solution.bundle")?,
            })
        };
        ready().map_err(|error| {
            Failure::new(
                FAILED,
                format!("the sample task could not be prepared: {error}"),
                format!(
                    "see that {} is there and {} can be written",
                    shipped.display(),
                    results.display()
                ),
            )
        })
    }
}

/// One candidate at a time: a newcomer is to see a test fail and the repair that follows.
fn solve(progress: &mut Progress, sample: &Sample) -> Result<(), Failure> {
    let invocation = Invocation::at(&progress.place.binary("edgecoder"))
        .args("solve --candidates 1 --max-iterations 3 --cases")
        .arg(&sample.cases)
        .arg("--out")
        .arg(&sample.solution)
        .arg("--receipt")
        .arg(&sample.receipt)
        .arg("--bundle")
        .arg(&sample.bundle)
        .arg(&sample.prompt);
    progress.step("sample", "Solve a first task", |place, screen| {
        screen.detail(&format!("$ {invocation}"));
        screen.line("");
        let doctor = format!(
            "{} doctor",
            quoted(&place.binary("edgecoder").display().to_string())
        );
        match invocation.run(&place.root) {
            Ok(status) if status.success() => Ok(Done::Plainly),
            Ok(status) => Err(Failure::new(
                FAILED,
                format!("the sample task was not solved ({status})"),
                doctor,
            )),
            Err(error) => Err(Failure::new(
                FAILED,
                format!("edgecoder could not be started: {error}"),
                doctor,
            )),
        }
    })
}

fn closing(progress: &Progress, sample: &Sample) {
    let screen = &progress.screen;
    let binaries = progress.place.binaries();
    screen.heading("Everything works. What is where:");
    screen.line(&format!("  programs   {}", binaries.display()));
    screen.line(&format!("  solution   {}", sample.solution));
    screen.line(&format!("  receipt    {}", sample.receipt));
    screen.line(&format!("  bundle     {}", sample.bundle));
    screen.heading("What to type next:");
    let path = format!(
        "export PATH={}:\"$PATH\"",
        quoted(&binaries.display().to_string())
    );
    for (command, purpose) in [
        (path.as_str(), "so that `edgecoder` is found"),
        (
            "edgecoder solve --cases CASES.json --out FILE.py 'Write a function ...'",
            "your own task",
        ),
        (
            &format!("edgecoder replay {}", quoted(&sample.bundle)),
            "run what you just saw again, as anyone can, and compare the receipts",
        ),
        (
            "edgecoder model use FILE.gguf",
            "a real coder model instead of the small embedded one",
        ),
        ("edgecoder doctor", "when something does not work"),
        ("cargo verify", "before you change the code: all tests"),
    ] {
        screen.line(&format!("  {command}"));
        screen.line(&format!("      {purpose}"));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What the first command shows must be readable by it, whatever prompt is shipped.
    #[test]
    fn the_shipped_sample_is_a_list_of_cases_for_one_function() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
        let prompt = std::fs::read_to_string(folder.join("prompt.txt")).unwrap();
        let text = std::fs::read_to_string(folder.join("sample.json")).unwrap();
        let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = cases.as_array().unwrap();
        assert!(cases.len() >= 3, "too few cases to choose by");
        for case in cases {
            let entry = case["entry"].as_str().unwrap();
            assert!(prompt.contains(entry), "the prompt does not name `{entry}`");
            assert!(
                case.get("expect").is_some() || case.get("raises").is_some(),
                "{case}"
            );
        }
    }
}
