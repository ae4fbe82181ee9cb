//! Changes of one file that were made apart: which step puts them together, and what comes of it without a model.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, PlanError, RelPath, STEPS_MAX, Subtask, TaskRequest};

/// Bytes of one version that are shown to a model: a larger file is merged by people.
const SHOWN_MAX: usize = 32 << 10;

/// Lines of a version that is merged here: comparing takes up to the product of two versions' lines, and they come from
/// strangers.
const LINES_MAX: usize = 4_000;

/// Versions of one file, and what comes of merging them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// What all of them began with.
    pub base: String,
    /// The versions, in the order of their steps.
    pub sides: Vec<String>,
    /// All changes in one text; where they do not fit together, the text with both between conflict markers.
    pub text: Result<String, String>,
}

/// The three-way merge; with conflict markers where changes do not fit together, around all of what is too long.
fn merged(base: &str, ours: &str, theirs: &str) -> Result<String, String> {
    let is_long = |text: &&str| text.lines().nth(LINES_MAX).is_some();
    if [base, ours, theirs].iter().any(is_long) {
        return Err(format!(
            "<<<<<<< ours\n{ours}\n=======\n{theirs}\n>>>>>>> theirs\n"
        ));
    }
    diffy::merge(base, ours, theirs)
}

impl Merge {
    fn of(base: String, sides: Vec<String>) -> Self {
        let mut sides_left = sides.iter();
        let first = sides_left.next().cloned().unwrap_or_default();
        let mut text = Ok(first);
        for side in sides_left {
            text = match text {
                Ok(ours) => merged(&base, &ours, side),
                // What conflicts already is not made worse; the rest is for whoever resolves it.
                Err(marked) => Err(marked),
            };
        }
        Self { base, sides, text }
    }

    /// What a model is asked to do about them.
    pub fn prompt(&self, path: &RelPath) -> String {
        let shown = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
        let mut prompt = format!(
            "Changes of {path} were made apart from each other. Write the whole file with all of them.\n\n\
             # Before:\n{}\n",
            shown(&self.base)
        );
        for (number, side) in (1..).zip(&self.sides) {
            prompt.push_str(&format!("\n# Version {number}:\n{}\n", shown(side)));
        }
        prompt
    }
}

impl Plan {
    /// The versions that step `at` puts together. `None` for another step, or before all are there.
    pub fn merge(
        &self,
        at: u16,
        task: &TaskRequest,
        answered: &BTreeMap<u16, Vec<u8>>,
    ) -> Option<Merge> {
        let step = self.steps.get(usize::from(at))?;
        let [first, others @ ..] = step.merges.as_slice() else {
            return None;
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let version = |at: &u16| Some(text(answered.get(at)?));
        let sides = step.merges.iter().map(version).collect::<Option<_>>()?;
        // The last version that all of them build on.
        let mut shared = self.before(*first);
        for other in others {
            let before = self.before(*other);
            shared.retain(|one| before.contains(one));
        }
        let writes = |at: &&u16| self.writes(**at) == Some(&step.writes);
        let base = match shared.iter().rev().find(writes) {
            Some(at) => version(at)?,
            None => {
                let there = task.files.0.get(&step.writes);
                there.map(|blob| text(&blob.0)).unwrap_or_default()
            }
        };
        Some(Merge::of(base, sides))
    }

    fn writes(&self, at: u16) -> Option<&RelPath> {
        self.steps.get(usize::from(at)).map(|step| &step.writes)
    }

    /// Of `steps`, those that wrote `path` and whose version no other of them builds on.
    fn heads(&self, steps: &[u16], path: &RelPath) -> Vec<u16> {
        let writers: Vec<u16> = steps
            .iter()
            .copied()
            .filter(|at| self.writes(*at) == Some(path))
            .collect();
        let is_built_on = |at: &u16| writers.iter().any(|other| self.before(*other).contains(at));
        writers
            .iter()
            .copied()
            .filter(|at| !is_built_on(at))
            .collect()
    }

    /// The step that merges `heads`, added unless it is there.
    fn merging(&mut self, heads: Vec<u16>, path: &RelPath) -> u16 {
        let known = (0..)
            .zip(&self.steps)
            .find(|(_, step)| step.merges == heads)
            .map(|(at, _)| at);
        known.unwrap_or_else(|| {
            self.steps.push(Subtask {
                prompt: format!("put the changes of {path} together"),
                writes: path.clone(),
                needs: heads.clone(),
                tests: None,
                merges: heads,
            });
            // Fewer than the bound, which is held for each plan.
            (self.steps.len() - 1) as u16
        })
    }

    /// Adds what merges each file that `steps` leave in more versions than one; says which.
    fn merge_all(&mut self, steps: &[u16], paths: &[RelPath]) -> Vec<u16> {
        let mut added = Vec::new();
        for path in paths {
            let heads = self.heads(steps, path);
            if heads.len() > 1 {
                added.push(self.merging(heads, path));
            }
        }
        added
    }
}

/// The plan with a merging step in front of each that would be given one file in several versions, and behind all when
/// the solution is left in several.
pub(super) fn joined(plan: Plan, task: &TaskRequest) -> Result<Plan, PlanError> {
    let mut paths: Vec<RelPath> = plan.steps.iter().map(|step| step.writes.clone()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut whole = Plan { steps: Vec::new() };
    let mut places = Vec::new();
    for mut step in plan.steps {
        let mut needs: Vec<u16> = step
            .needs
            .iter()
            .filter_map(|need| places.get(usize::from(*need)).copied())
            .collect();
        let mut before: BTreeSet<u16> = needs.iter().copied().collect();
        before.extend(needs.iter().flat_map(|need| whole.before(*need)));
        let before: Vec<u16> = before.into_iter().collect();
        needs.extend(whole.merge_all(&before, &paths));
        needs.sort_unstable();
        needs.dedup();
        step.needs = needs;
        places.push(whole.steps.len() as u16);
        whole.steps.push(step);
    }
    let all: Vec<u16> = (0..whole.steps.len() as u16).collect();
    whole.merge_all(&all, std::slice::from_ref(&task.solution));
    match whole.steps.len() {
        count if count > STEPS_MAX => Err(PlanError::Count(count)),
        _ => Ok(whole),
    }
}
