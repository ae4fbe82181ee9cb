//! A task's plan: steps that hand files to each other, without cycles. One step is a valid plan.
//!
//! A plan is read from what a model said, so everything in it is checked here. What a step is given follows from the
//! plan alone ([`Plan::request`]), so that whoever replays a step asks for exactly the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    execution::{RelPath, SuiteKind},
    operator::{Blob, TaskRequest, TestSet},
};

/// Steps of a plan: a task that needs more is several tasks.
pub const STEPS_MAX: usize = 32;
/// Bytes of one step's prompt.
pub const PROMPT_MAX: usize = 16 << 10;
/// Bytes of a model's reply that are searched for a plan.
const REPLY_MAX: usize = 256 << 10;

/// What kind of file a step hands over, by the end of its name. A step that hands over something else is refused when
/// its result comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A Python module: UTF-8.
    Python,
    /// One JSON value.
    Json,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Bytes,
}

impl FileKind {
    /// The kind of the file at `path`.
    pub fn of(path: &RelPath) -> Self {
        match path.file_name().rsplit_once('.').map(|(_, end)| end) {
            Some("py") => Self::Python,
            Some("json") => Self::Json,
            Some("txt" | "md" | "csv" | "toml") => Self::Text,
            _ => Self::Bytes,
        }
    }

    /// Whether `content` is of this kind.
    pub fn accepts(self, content: &[u8]) -> bool {
        match self {
            Self::Python | Self::Text => std::str::from_utf8(content).is_ok(),
            Self::Json => serde_json::from_slice::<serde::de::IgnoredAny>(content).is_ok(),
            Self::Bytes => true,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to write, in words.
    pub prompt: String,
    /// The file it hands over.
    pub writes: RelPath,
    /// Steps whose files it is given, by their place; all before its own.
    pub needs: Vec<u16>,
    /// The test file of the snapshot that judges it. The task's own tests judge the last step when it names none.
    pub tests: Option<RelPath>,
}

/// Steps in an order in which they can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    steps: Vec<Step>,
}

/// Why something is not a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No JSON object with `steps` in the reply.
    #[error("the reply holds no plan: {0}")]
    Absent(String),
    /// None, or too many.
    #[error("a plan has 1 to {STEPS_MAX} steps, this one {0}")]
    Count(usize),
    /// Two steps with one name.
    #[error("two steps are called {0:?}")]
    Twice(String),
    /// A need that no step meets.
    #[error("step {step:?} needs {need:?}, which is no step")]
    Unknown {
        /// The step.
        step: String,
        /// What it needs.
        need: String,
    },
    /// Steps that wait for each other.
    #[error("the steps wait for each other in a circle: {0:?}")]
    Cycle(Vec<String>),
    /// A prompt that is empty or too long.
    #[error("step {0:?} has no prompt, or one above {PROMPT_MAX} bytes")]
    Prompt(String),
    /// It would replace a file of the snapshot that judges.
    #[error("step {step:?} writes {path}, which is a test of the task")]
    WritesTests {
        /// The step.
        step: String,
        /// The file.
        path: RelPath,
    },
    /// Its tests are not in the snapshot.
    #[error("step {step:?} is judged by {path}, which is not among the task's files")]
    NoTests {
        /// The step.
        step: String,
        /// The file.
        path: RelPath,
    },
    /// No step writes what the task asks for.
    #[error("no last step writes {0}, which the task asks for")]
    NoSolution(RelPath),
}

/// A plan as models are asked to write it.
#[derive(Deserialize)]
struct Written {
    steps: Vec<WrittenStep>,
}

#[derive(Deserialize)]
struct WrittenStep {
    id: String,
    prompt: String,
    writes: RelPath,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    tests: Option<RelPath>,
}

impl Plan {
    /// The plan of a task that is done in one go.
    pub fn single(task: &TaskRequest) -> Self {
        let step = Step {
            prompt: task.prompt.clone(),
            writes: task.solution.clone(),
            needs: Vec::new(),
            tests: None,
        };
        Self { steps: vec![step] }
    }

    /// Reads the first JSON object in a model's `reply` as the plan of `task`.
    ///
    /// # Errors
    /// [`PlanError`] naming the step and what is wrong with it.
    pub fn read(reply: &str, task: &TaskRequest) -> Result<Self, PlanError> {
        let absent = |why: &str| PlanError::Absent(why.to_owned());
        if reply.len() > REPLY_MAX {
            return Err(absent("it is too long"));
        }
        let start = reply.find('{').ok_or_else(|| absent("no object"))?;
        let mut objects =
            serde_json::Deserializer::from_str(&reply[start..]).into_iter::<Written>();
        let written = match objects.next() {
            Some(Ok(written)) => written.steps,
            Some(Err(error)) => return Err(absent(&error.to_string())),
            None => return Err(absent("no object")),
        };
        if written.is_empty() || written.len() > STEPS_MAX {
            return Err(PlanError::Count(written.len()));
        }
        for step in &written {
            check(step, &written, task)?;
        }
        let plan = order(written)?;
        let is_last = |at: usize| {
            !plan
                .steps
                .iter()
                .any(|step| step.needs.contains(&(at as u16)))
        };
        let solves = |(at, step): (usize, &Step)| step.writes == task.solution && is_last(at);
        if !plan.steps.iter().enumerate().any(solves) {
            return Err(PlanError::NoSolution(task.solution.clone()));
        }
        Ok(plan)
    }

    /// The steps; each needs only earlier ones.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// All steps that step `at` builds on, however far back.
    pub fn before(&self, at: u16) -> BTreeSet<u16> {
        let mut before = BTreeSet::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            let needs = self.steps.get(usize::from(next)).map(|step| &step.needs);
            open.extend(
                needs
                    .into_iter()
                    .flatten()
                    .filter(|need| before.insert(**need)),
            );
        }
        before
    }

    /// What step `at` is asked: the task with the step's prompt and file, and with what earlier steps handed over.
    /// `None` when there is no such step, or a step before it has not been `answered`.
    pub fn request(
        &self,
        at: u16,
        task: &TaskRequest,
        answered: &BTreeMap<u16, Vec<u8>>,
    ) -> Option<TaskRequest> {
        let step = self.steps.get(usize::from(at))?;
        let mut files = task.files.clone();
        // In their order, so that of two that write one file the later counts.
        for need in self.before(at) {
            let path = self.steps.get(usize::from(need))?.writes.clone();
            files.0.insert(path, Blob(answered.get(&need)?.clone()));
        }
        let is_whole = step.writes == task.solution;
        let tests = match &step.tests {
            Some(path) => Some(TestSet::Suite {
                kind: SuiteKind::of(path),
                path: path.clone(),
            }),
            None if is_whole => task.tests.clone(),
            None => None,
        };
        Some(TaskRequest {
            prompt: step.prompt.clone(),
            files,
            tests,
            solution: step.writes.clone(),
            ..task.clone()
        })
    }
}

/// Checks one step by itself.
fn check(step: &WrittenStep, all: &[WrittenStep], task: &TaskRequest) -> Result<(), PlanError> {
    let name = || step.id.chars().take(80).collect::<String>();
    if step.prompt.trim().is_empty() || step.prompt.len() > PROMPT_MAX {
        return Err(PlanError::Prompt(name()));
    }
    if all.iter().filter(|other| other.id == step.id).count() > 1 {
        return Err(PlanError::Twice(name()));
    }
    if let Some(need) = step
        .needs
        .iter()
        .find(|need| !all.iter().any(|other| other.id == **need))
    {
        let need = need.chars().take(80).collect();
        return Err(PlanError::Unknown { step: name(), need });
    }
    if let Some(path) = step
        .tests
        .as_ref()
        .filter(|path| !task.files.0.contains_key(path))
    {
        let path = path.clone();
        return Err(PlanError::NoTests { step: name(), path });
    }
    let judges = |path: &RelPath| {
        let own = matches!(&task.tests, Some(TestSet::Suite { path: tests, .. }) if tests == path);
        own || all.iter().any(|other| other.tests.as_ref() == Some(path))
    };
    if judges(&step.writes) {
        let path = step.writes.clone();
        return Err(PlanError::WritesTests { step: name(), path });
    }
    Ok(())
}

/// Puts steps behind what they need, keeping the written order where that leaves a choice.
fn order(written: Vec<WrittenStep>) -> Result<Plan, PlanError> {
    let mut places: BTreeMap<String, u16> = BTreeMap::new();
    let mut steps = Vec::new();
    let mut waiting = written;
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|step| step.needs.iter().all(|need| places.contains_key(need)));
        let Some(at) = ready else {
            return Err(PlanError::Cycle(
                waiting.into_iter().map(|step| step.id).collect(),
            ));
        };
        let step = waiting.remove(at);
        let needs: BTreeSet<u16> = step
            .needs
            .iter()
            .filter_map(|need| places.get(need).copied())
            .collect();
        places.insert(step.id, steps.len() as u16);
        steps.push(Step {
            prompt: step.prompt,
            writes: step.writes,
            needs: needs.into_iter().collect(),
            tests: step.tests,
        });
    }
    Ok(Plan { steps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{operator::Files, task::PrivacyClass, units::Tokens};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn task() -> TaskRequest {
        let tests = path("test_all.py");
        let files = ["test_all.py", "test_a.py"].map(|name| (path(name), Blob(b"x".to_vec())));
        TaskRequest {
            prompt: "all".into(),
            files: Files(files.into()),
            tests: Some(TestSet::Suite {
                kind: SuiteKind::Unittest,
                path: tests,
            }),
            solution: path("solution.py"),
            candidates: 1,
            max_iterations: 1,
            budget: Tokens(1),
            deadline_ms: 1,
            seed: 1,
            limits: None,
            privacy: PrivacyClass::Mesh,
        }
    }

    fn step(id: &str, writes: &str, needs: &str, tests: &str) -> String {
        format!(
            r#"{{"id": "{id}", "prompt": "p {id}", "writes": "{writes}", "needs": [{needs}]{tests}}}"#
        )
    }

    fn read(steps: &[String]) -> Result<Plan, PlanError> {
        let reply = format!(
            "Here it is:\n```json\n{{\"steps\": [{}]}}\n``` ok?",
            steps.join(", ")
        );
        Plan::read(&reply, &task())
    }

    #[test]
    fn steps_come_behind_what_they_need_and_get_what_was_handed_over() {
        let plan = read(&[
            step("c", "solution.py", r#""b""#, ""),
            step("b", "b.py", r#""a""#, ""),
            step("a", "a.py", "", r#", "tests": "test_a.py""#),
        ])
        .unwrap();
        let order: Vec<_> = plan
            .steps()
            .iter()
            .map(|step| (step.writes.as_str(), step.needs.clone()))
            .collect();
        assert_eq!(
            order,
            [
                ("a.py", vec![]),
                ("b.py", vec![0]),
                ("solution.py", vec![1])
            ]
        );
        assert_eq!(plan.before(2), [0, 1].into());
        let mut answered = BTreeMap::from([(0, b"A".to_vec())]);
        assert_eq!(
            plan.request(2, &task(), &answered),
            None,
            "b has not answered"
        );
        answered.insert(1, b"B".to_vec());
        let last = plan.request(2, &task(), &answered).unwrap();
        assert_eq!(
            (
                last.files.0[&path("a.py")].0.as_slice(),
                last.prompt.as_str()
            ),
            (&b"A"[..], "p c")
        );
        assert_eq!(
            last.tests,
            task().tests,
            "the task's own tests judge the last step"
        );
        let first = plan.request(0, &task(), &BTreeMap::new()).unwrap();
        let own = TestSet::Suite {
            kind: SuiteKind::Unittest,
            path: path("test_a.py"),
        };
        assert_eq!((first.tests, first.solution), (Some(own), path("a.py")));
        assert_eq!(plan.request(1, &task(), &answered).unwrap().tests, None);
        assert_eq!(plan.request(3, &task(), &answered), None);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_reason() {
        let last = || step("z", "solution.py", "", "");
        let cycle = [
            step("a", "a.py", r#""b""#, ""),
            step("b", "b.py", r#""a""#, ""),
            last(),
        ];
        assert_eq!(
            read(&cycle),
            Err(PlanError::Cycle(vec!["a".into(), "b".into()]))
        );
        let own = [step("a", "solution.py", r#""a""#, "")];
        assert_eq!(read(&own), Err(PlanError::Cycle(vec!["a".into()])));
        assert_eq!(read(&[]), Err(PlanError::Count(0)));
        let many: Vec<_> = (0..=STEPS_MAX)
            .map(|n| step(&n.to_string(), "a.py", "", ""))
            .collect();
        assert_eq!(read(&many), Err(PlanError::Count(STEPS_MAX + 1)));
        assert_eq!(read(&[last(), last()]), Err(PlanError::Twice("z".into())));
        let unknown = PlanError::Unknown {
            step: "a".into(),
            need: "q".into(),
        };
        assert_eq!(
            read(&[step("a", "a.py", r#""q""#, ""), last()]),
            Err(unknown)
        );
        let shadows = PlanError::WritesTests {
            step: "a".into(),
            path: path("test_all.py"),
        };
        assert_eq!(
            read(&[step("a", "test_all.py", "", ""), last()]),
            Err(shadows)
        );
        let untested = PlanError::NoTests {
            step: "z".into(),
            path: path("q.py"),
        };
        assert_eq!(
            read(&[step("z", "solution.py", "", r#", "tests": "q.py""#)]),
            Err(untested)
        );
        assert_eq!(
            read(&[step("a", "a.py", "", "")]),
            Err(PlanError::NoSolution(path("solution.py")))
        );
        let reply = Plan::read(
            r#"{"steps": [{"id": "a", "prompt": "p", "writes": "../x"}]}"#,
            &task(),
        );
        assert!(matches!(reply, Err(PlanError::Absent(_))), "{reply:?}");
        for reply in ["", "no plan", "{", "{}", "[]", "{\"steps\": 3}"] {
            assert!(
                matches!(Plan::read(reply, &task()), Err(PlanError::Absent(_))),
                "{reply}"
            );
        }
    }

    #[test]
    fn a_task_in_one_go_is_a_plan_of_one_step() {
        let plan = Plan::single(&task());
        assert_eq!(plan.request(0, &task(), &BTreeMap::new()), Some(task()));
    }

    #[test]
    fn what_is_handed_over_is_of_its_kind() {
        for (name, content, accepted) in [
            ("a.py", &b"x = 1"[..], true),
            ("a.py", b"\xff", false),
            ("a.json", b"[1]", true),
            ("a.json", b"[1", false),
            ("a.txt", b"\xff", false),
            ("a.bin", b"\xff", true),
            ("none", b"\xff", true),
        ] {
            assert_eq!(
                FileKind::of(&path(name)).accepts(content),
                accepted,
                "{name} {content:?}"
            );
        }
    }
}
