//! The demonstration itself, in a process of its own that the terminal does not end: five daemons are started, one
//! task is given, whoever works on it is killed, and what comes back is replayed by another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::board::Tone;
use super::node::Network;
use super::running::{Look, Running, Stop};
use super::show::{self, Show};
use super::tale::{CAST, COORDINATOR, Tale, USER};
use crate::failure::{FAILED, Failure};
use crate::invocation::quoted;
use crate::place::Place;
use crate::screen::{now, spoken};

const PROMPT: &str = "Write count_divisors(n) that returns the number of divisors of n.";
/// The last one is a second or two of work for the sandbox, within its usual fuel: so the task has a middle.
const CASES: &str = r#"[{"entry": "count_divisors", "args": [1], "expect": 1},
 {"entry": "count_divisors", "args": [12], "expect": 6},
 {"entry": "count_divisors", "args": [21621600], "expect": 576}]"#;
const CASES_SAID: &str = "of 1 it is 1, of 12 it is 6, of 21621600 it is 576 (takes a while)";

/// From when a worker is seen at work until it is killed: in the midst of the run of the last case.
const AT_WORK: Duration = Duration::from_millis(900);
/// Between two nodes, for somebody who watches: they are ready faster than one can read.
const BEAT: Duration = Duration::from_millis(250);
/// What takes longer than this is stuck: a daemon starts in a tenth of a second, a command answers faster.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for the whole task and for the replay, on a slow machine with other work.
const PATIENCE_TASK: Duration = Duration::from_secs(240);

/// Plays it, and leaves nothing behind but the bundle.
pub fn run(place: &Place, look: show::Look) -> Result<(), Failure> {
    let mut stage = Stage {
        place: place.clone(),
        network: Network::new(place, &CAST.map(|(name, roles, _)| (name, roles)))?,
        tale: Tale::new(),
        show: Show::new(look),
        stop: Stop::when_input_ends(),
        start: now(),
    };
    let (bundle, signer) = stage.play()?;
    stage.end(&bundle, signer)
}

struct Stage {
    place: Place,
    network: Network,
    tale: Tale,
    show: Show,
    stop: Stop,
    start: Instant,
}

impl Stage {
    /// Up to the replay: where the bundle is, and who signed its receipt.
    fn play(&mut self) -> Result<(PathBuf, &'static str), Failure> {
        let invite = self.found()?;
        for who in COORDINATOR + 1..CAST.len() {
            self.join(who, &invite)?;
        }
        let bundle = self.bundle()?;
        let signer = self.solve(&bundle)?;
        self.replay(&bundle)?;
        Ok((bundle, signer))
    }

    /// The first node founds the network; the line by which others join it.
    fn found(&mut self) -> Result<String, Failure> {
        self.tale.set(COORDINATOR, Tone::Busy, "founds a network");
        self.told(COORDINATOR, &["network", "create", "demonstration"])?;
        self.register(COORDINATOR)?;
        self.tale
            .set(COORDINATOR, Tone::Plain, "founded the network");
        let line = self.told(COORDINATOR, &["network", "invite"])?;
        Ok(line.trim().to_owned())
    }

    fn join(&mut self, who: usize, invite: &str) -> Result<(), Failure> {
        self.tale.set(who, Tone::Busy, "joins by its invite");
        self.told(who, &["network", "join", invite])?;
        self.register(who)?;
        self.tale.set(who, Tone::Plain, "registered");
        Ok(())
    }

    /// Starts its daemon and waits until the coordinator has taken its record.
    fn register(&mut self, who: usize) -> Result<(), Failure> {
        let begin = self.at();
        self.network.nodes[who].start()?;
        while !self.network.nodes[who].serves() {
            self.step()?;
            self.in_time(who, begin, PATIENCE, "its daemon does not open its socket")?;
        }
        loop {
            // It may not know yet what it is asked.
            let (status, said) = self.ask(who, &["node", "--json"])?;
            let view: Value = serde_json::from_str(&said).unwrap_or_default();
            if status.success() && view["coordinator"]["registered"] == true {
                let id = view["node"].as_str().unwrap_or_default().to_owned();
                self.tale.board.seats[who].id = Some(id);
                break;
            }
            self.step()?;
            self.in_time(who, begin, PATIENCE, "the coordinator does not register it")?;
        }
        while self.show.is_live() && self.at() < begin + BEAT {
            self.step()?;
        }
        Ok(())
    }

    /// Where the bundle is to be, with what `cargo quickstart` leaves.
    fn bundle(&self) -> Result<PathBuf, Failure> {
        let folder = self.place.cache.join("quickstart");
        let bundle = folder.join("mesh.bundle");
        let ready = fs::create_dir_all(&folder).and_then(|()| match fs::remove_file(&bundle) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        });
        ready.map(|()| bundle).map_err(|error| {
            let what = format!("{} cannot be written: {error}", folder.display());
            Failure::new(
                FAILED,
                what,
                "set XDG_CACHE_HOME to a folder that can, then repeat this",
            )
        })
    }

    /// The task, from its submission to its result, with the death in its middle; who signed the receipt.
    fn solve(&mut self, bundle: &Path) -> Result<&'static str, Failure> {
        let user = &self.network.nodes[USER];
        let cases = user.path("cases.json");
        fs::write(&cases, CASES).map_err(|error| user.failed(&format!("its cases: {error}")))?;
        let (cases, bundle) = (cases.display().to_string(), bundle.display().to_string());
        let words = [
            "solve",
            "--mesh",
            "--json",
            "--candidates",
            "1",
            "--cases",
            &cases,
            "--bundle",
            &bundle,
            PROMPT,
        ];
        let mut solve = Running::start(user.edgecoder(&words), &user.path("solve.errors"))?;
        let begin = self.at();
        for who in COORDINATOR..USER {
            self.tale.set(who, Tone::Plain, "ready");
        }
        self.tale.board.give(PROMPT, CASES_SAID);
        self.tale.set(USER, Tone::Plain, "has given the task");
        let (mut result, mut seen) = (Value::Null, None);
        loop {
            match solve.look()? {
                Look::Line(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap_or_default();
                    if event["event"] == "done" {
                        result = event;
                    } else if let Some(note) = event["text"].as_str() {
                        let at = self.at();
                        self.tale.hear(at, note);
                    }
                }
                Look::Quiet => {
                    self.step()?;
                    seen = self.strike(seen)?;
                    self.in_time(
                        USER,
                        begin,
                        PATIENCE_TASK,
                        "its task does not come to an end",
                    )?;
                }
                Look::Ended(_) => break,
            }
        }
        self.take(&result, &solve.errors())
    }

    /// Kills whoever has the work, once it has been seen at it for a while; since when it has.
    fn strike(
        &mut self,
        seen: Option<(usize, Duration)>,
    ) -> Result<Option<(usize, Duration)>, Failure> {
        let Some(who) = self.tale.victim() else {
            return Ok(None);
        };
        match seen {
            Some((before, since)) if before == who => {
                let at = self.at();
                if at >= since + AT_WORK
                    && let Some(process) = self.network.nodes[who].kill()
                {
                    self.tale.kill(at, who, process);
                }
                Ok(seen)
            }
            Some(_) | None => {
                let status: Value =
                    serde_json::from_str(&self.told(who, &["worker", "status", "--json"])?)
                        .unwrap_or_default();
                let is_at_work = status["held"]
                    .as_array()
                    .is_some_and(|held| !held.is_empty());
                Ok(is_at_work.then(|| (who, self.at())))
            }
        }
    }

    /// Looks at what came back: only the right answer, checked, is one.
    fn take(&mut self, result: &Value, errors: &str) -> Result<&'static str, Failure> {
        let user = &self.network.nodes[USER];
        let (outcome, evidence) = (&result["outcome"], &result["evidence"]);
        if outcome != "solved" || evidence != "cases" {
            let what = format!(
                "its task was not solved: outcome {outcome}, evidence {evidence}\n{errors}"
            );
            return Err(user.failed(what.trim_end()));
        }
        if self.tale.killed().is_none() {
            let what = "its task was done before anybody could be killed";
            return Err(Failure::new(FAILED, what, "cargo quickstart -- mesh"));
        }
        let tests = result["receipt"]["body"]["results"].as_array();
        let count = tests.map_or(0, Vec::len);
        let signer = result["receipt"]["signer"].as_str().unwrap_or_default();
        let signer = self.tale.board.find(signer).and_then(|who| CAST.get(who));
        let Some((signer, _, _)) = signer else {
            return Err(user.failed("its receipt is signed by nobody here"));
        };
        let at = self.at();
        let what = format!(
            "all {count} cases are right, compared by the host; {signer} signs the receipt"
        );
        self.tale
            .board
            .answer(result["code"].as_str().unwrap_or_default());
        self.tale.board.tell(at, Tone::Plain, what);
        self.tale.set(USER, Tone::Good, "has code and receipt");
        Ok(signer)
    }

    /// Another node, which ran none of it, runs the bundle.
    fn replay(&mut self, bundle: &Path) -> Result<(), Failure> {
        self.tale.set(COORDINATOR, Tone::Busy, "replays the bundle");
        let bundle = bundle.display().to_string();
        let said = self.told(COORDINATOR, &["replay", "--json", &bundle])?;
        let said: Value = serde_json::from_str(&said).unwrap_or_default();
        let at = self.at();
        if said["verdict"] != "agreed" {
            let what = format!(
                "it replayed the bundle, and the verdict is {}",
                said["verdict"]
            );
            return Err(self.network.nodes[COORDINATOR].failed(&what));
        }
        let what = "coordinator, who ran none of it, replays the bundle: agreed";
        self.tale.board.tell(at, Tone::Good, what);
        self.tale
            .set(COORDINATOR, Tone::Good, "replayed it: agreed");
        Ok(())
    }

    /// Ends the daemons; the screen stays.
    fn end(mut self, bundle: &Path, signer: &str) -> Result<(), Failure> {
        self.network.end()?;
        let at = self.start.elapsed();
        let killed = self.tale.killed().unwrap_or_default();
        let what = format!(
            "Verified in {}, though {killed} died. Evidence: cases, signed by {signer}.",
            spoken(at)
        );
        self.tale.board.close(vec![
            (Tone::Good, what),
            (
                Tone::Plain,
                format!("next  edgecoder replay {}", typed(bundle)),
            ),
            (
                Tone::Dim,
                format!("      edgecoder is in {}", typed(&self.place.binaries())),
            ),
        ]);
        self.show.draw(&self.tale.board, at);
        Ok(())
    }

    fn at(&self) -> Duration {
        self.start.elapsed()
    }

    /// A moment passes: unless something broke.
    fn step(&mut self) -> Result<(), Failure> {
        self.stop.pause()?;
        for node in &mut self.network.nodes {
            node.check()?;
        }
        self.show.update(&self.tale.board, self.start.elapsed());
        Ok(())
    }

    fn in_time(
        &self,
        who: usize,
        begin: Duration,
        patience: Duration,
        what: &str,
    ) -> Result<(), Failure> {
        if self.at() < begin + patience {
            return Ok(());
        }
        Err(self.network.nodes[who].failed(&format!("{what} within {}", spoken(patience))))
    }

    /// What `edgecoder` says for a node, which must succeed.
    fn told(&mut self, who: usize, words: &[&str]) -> Result<String, Failure> {
        let (status, said) = self.ask(who, words)?;
        if status.success() {
            return Ok(said);
        }
        let errors = fs::read_to_string(self.network.nodes[who].path("errors")).unwrap_or_default();
        let what = format!(
            "`edgecoder {}` ended with {status}\n{}",
            words.join(" "),
            errors.trim_end()
        );
        Err(self.network.nodes[who].failed(what.trim_end()))
    }

    fn ask(&mut self, who: usize, words: &[&str]) -> Result<(ExitStatus, String), Failure> {
        let begin = self.at();
        let node = &self.network.nodes[who];
        let mut running = Running::start(node.edgecoder(words), &node.path("errors"))?;
        let mut said = String::new();
        loop {
            match running.look()? {
                Look::Line(line) => {
                    said.push_str(&line);
                    said.push('\n');
                }
                Look::Quiet => {
                    self.step()?;
                    let what = format!("`edgecoder {}` does not come back", words.join(" "));
                    self.in_time(who, begin, PATIENCE_TASK, &what)?;
                }
                Look::Ended(status) => return Ok((status, said)),
            }
        }
    }
}

/// A path as one types it: below the home folder, with a tilde where no quotes are needed.
fn typed(path: &Path) -> String {
    let whole = path.display().to_string();
    let home = std::env::var("HOME").unwrap_or_default();
    match whole.strip_prefix(&home) {
        Some(rest) if !home.is_empty() && rest.starts_with('/') && quoted(rest) == rest => {
            format!("~{rest}")
        }
        _ => quoted(&whole),
    }
}
