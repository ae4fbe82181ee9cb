//! A task's plan: steps that hand files to each other, without cycles. One step is a valid plan. Steps that change one
//! file apart from each other are followed by one that puts their changes together.
//!
//! A plan is read from what a model said, so everything in it is checked here. What a step is given follows from the
//! plan alone ([`Plan::request`]), so that whoever replays a step asks for exactly the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

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

mod merge;

pub use merge::Merge;

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

/// One step of a plan: what one worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtask {
    /// What to write, in words.
    pub prompt: String,
    /// The file it hands over.
    pub writes: RelPath,
    /// Steps whose files it is given, by their place; all before its own.
    pub needs: Vec<u16>,
    /// The test file of the snapshot that judges it. The task's own tests judge the last step when it names none.
    pub tests: Option<RelPath>,
    /// Steps that wrote its file apart from each other, whose changes it puts together; none for a step of the model's
    /// own plan.
    pub merges: Vec<u16>,
}

/// Steps in an order in which they can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Subtask>,
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
        let step = Subtask {
            prompt: task.prompt.clone(),
            writes: task.solution.clone(),
            needs: Vec::new(),
            tests: None,
            merges: Vec::new(),
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
        let plan = merge::joined(order(written)?, task)?;
        if plan.solving_step(task).is_none() {
            return Err(PlanError::NoSolution(task.solution.clone()));
        }
        Ok(plan)
    }

    /// The steps; each needs only earlier ones.
    pub fn steps(&self) -> &[Subtask] {
        &self.steps
    }

    /// The step that writes what the task asks for.
    pub fn solving_step(&self, task: &TaskRequest) -> Option<u16> {
        let mut places = (0..).zip(&self.steps).map(|(at, _)| at);
        places.find(|at| self.solves(*at, task))
    }

    /// Whether step `at` writes what the task asks for, and no other step builds on that.
    fn solves(&self, at: u16, task: &TaskRequest) -> bool {
        let step = self.steps.get(usize::from(at));
        step.is_some_and(|step| step.writes == task.solution)
            && !self.steps.iter().any(|step| step.needs.contains(&at))
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
        let tests = match &step.tests {
            Some(path) => Some(TestSet::Suite {
                kind: SuiteKind::of(path),
                path: path.clone(),
            }),
            None if self.solves(at, task) => task.tests.clone(),
            None => None,
        };
        let prompt = match self.merge(at, task, answered) {
            Some(merge) => merge.prompt(&step.writes),
            None => step.prompt.clone(),
        };
        Some(TaskRequest {
            prompt,
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
        steps.push(Subtask {
            prompt: step.prompt,
            writes: step.writes,
            needs: needs.into_iter().collect(),
            tests: step.tests,
            merges: Vec::new(),
        });
    }
    Ok(Plan { steps })
}

#[cfg(test)]
mod tests;
