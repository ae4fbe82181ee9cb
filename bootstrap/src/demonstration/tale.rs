//! What the demonstration makes of the notes about its task: who has the work, and what the reader is told.
//!
//! It decides only; the daemons and the clock are the stage's.

use std::time::Duration;

use super::board::{Board, Seat, Tone};

/// The nodes by name, role and purpose, in the order in which they start.
pub const CAST: [(&str, &str, &str); 5] = [
    (
        "coordinator",
        "agent,coordinator,inference",
        "lends work, has model",
    ),
    ("worker 1", "agent,worker", "works for others"),
    ("worker 2", "agent,worker", "works for others"),
    ("worker 3", "agent,worker", "works for others"),
    ("user", "agent", "gives the task"),
];
/// Where the coordinator and the user are in it.
pub const COORDINATOR: usize = 0;
/// See [`COORDINATOR`].
pub const USER: usize = 4;

/// One sentence of the coordinator's, or of the user's own node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News<'a> {
    Given(&'a str),
    Checks(&'a str),
    Gone,
    Agreed,
    /// Nothing that a reader needs to be told.
    Other,
}

/// The task so far.
#[derive(Debug)]
pub struct Tale {
    /// What is told of it.
    pub board: Board,
    /// Who is at work, as author or as checker.
    holder: Option<usize>,
    author: Option<usize>,
    killed: Option<usize>,
    /// Whether the coordinator has noticed that a worker is gone, and has not lent its work to another yet.
    is_missed: bool,
}

impl Tale {
    /// Nobody is there yet.
    pub fn new() -> Self {
        let seats = CAST.map(|(name, _, does)| Seat::new(name, does));
        Self {
            board: Board::new(seats.to_vec()),
            holder: None,
            author: None,
            killed: None,
            is_missed: false,
        }
    }

    /// Who is to be killed, once seen at work: whoever has the work, as long as nobody was.
    pub fn victim(&self) -> Option<usize> {
        self.holder.filter(|_| self.killed.is_none())
    }

    /// Whether somebody was killed.
    pub fn killed(&self) -> Option<&'static str> {
        self.killed.map(name)
    }

    /// Says what one of them does now.
    pub fn set(&mut self, who: usize, tone: Tone, now: impl Into<String>) {
        if let Some(seat) = self.board.seats.get_mut(who) {
            seat.set(tone, now);
        }
    }

    /// The daemon of `who` was killed.
    pub fn kill(&mut self, at: Duration, who: usize, process: u32) {
        self.killed = Some(who);
        self.holder = None;
        self.set(who, Tone::Bad, "killed");
        let what = format!(
            "{} is killed in the middle of it (SIGKILL, process {process})",
            name(who)
        );
        self.board.tell(at, Tone::Bad, what);
    }

    /// Takes in a note about the task.
    pub fn hear(&mut self, at: Duration, note: &str) {
        match read(note) {
            News::Given(id) => {
                if let Some(who) = self.board.find(id) {
                    self.given(at, who);
                }
            }
            News::Checks(id) => {
                if let Some(who) = self.board.find(id) {
                    self.checks(at, who);
                }
            }
            News::Gone => {
                self.is_missed = true;
                let missed = self.killed.map_or("a worker", name);
                self.set(COORDINATOR, Tone::Busy, format!("misses {missed}"));
            }
            News::Agreed => self.agreed(at),
            News::Other => {}
        }
    }

    fn given(&mut self, at: Duration, who: usize) {
        let what = match (self.killed.filter(|_| self.is_missed), self.author) {
            (Some(gone), _) => format!(
                "coordinator misses {}, and lends the task anew: to {}",
                name(gone),
                name(who)
            ),
            // On a slow machine: the first result counts.
            (None, Some(slow)) => format!("{} takes long: {} begins it too", name(slow), name(who)),
            (None, None) => format!(
                "{} has it: it lets the model write, and runs the cases",
                name(who)
            ),
        };
        self.is_missed = false;
        self.board.tell(at, Tone::Plain, what);
        self.set(
            COORDINATOR,
            Tone::Plain,
            format!("lent the task to {}", name(who)),
        );
        self.set(who, Tone::Busy, "works: code, then cases");
        self.holder = Some(who);
        self.author = Some(who);
    }

    fn checks(&mut self, at: Duration, who: usize) {
        let author = self.author.map_or("the author", name);
        let what = format!(
            "{author} is done; {} checks it: runs the same, and compares",
            name(who)
        );
        self.board.tell(at, Tone::Plain, what);
        self.set(
            COORDINATOR,
            Tone::Plain,
            format!("has it checked by {}", name(who)),
        );
        if let Some(author) = self.author.filter(|author| self.killed != Some(*author)) {
            self.set(author, Tone::Good, "solved it");
        }
        self.set(who, Tone::Busy, "runs the same, compares");
        self.holder = Some(who);
    }

    fn agreed(&mut self, at: Duration) {
        let checker = self.holder.map_or("the checker", name);
        let what = format!("{checker} found the same; user, who trusts neither, runs it once more");
        self.board.tell(at, Tone::Plain, what);
        if let Some(checker) = self.holder.take() {
            self.set(checker, Tone::Good, "found the same");
        }
        self.set(COORDINATOR, Tone::Good, "two workers agree");
        self.set(USER, Tone::Busy, "runs it once more");
    }
}

fn name(who: usize) -> &'static str {
    CAST.get(who).map_or("somebody", |(name, _, _)| name)
}

fn read(note: &str) -> News<'_> {
    let said = note.split_once(": ").map_or(note, |(_, said)| said);
    if let Some(id) = said.strip_prefix("given to ") {
        News::Given(id)
    } else if let Some(id) = said.strip_prefix("checked by ") {
        News::Checks(id)
    } else {
        match said {
            "its worker is gone" => News::Gone,
            "checked" => News::Agreed,
            _ => News::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(tale: &Tale) -> Vec<String> {
        let lines = tale.board.record();
        lines
            .iter()
            // The title, the nodes and the blank lines below both.
            .skip(8)
            .map(|line| line[11..].to_owned())
            .collect()
    }

    fn cast() -> Tale {
        let mut tale = Tale::new();
        for (seat, id) in tale
            .board
            .seats
            .iter_mut()
            .zip(["C", "W1", "W2", "W3", "U"])
        {
            seat.id = Some(id.to_owned());
        }
        tale
    }

    #[test]
    fn each_note_is_understood() {
        let table = [
            (
                "step 1, attempt 2: given to 12D3Koo",
                News::Given("12D3Koo"),
            ),
            (
                "step 1, attempt 2: checked by 12D3Koo",
                News::Checks("12D3Koo"),
            ),
            ("step 1, attempt 1: its worker is gone", News::Gone),
            ("step 1, attempt 1: checked", News::Agreed),
            ("planned: one step", News::Other),
            ("Run again here: ok.", News::Other),
            ("", News::Other),
        ];
        for (note, expected) in table {
            assert_eq!(read(note), expected, "{note}");
        }
    }

    #[test]
    fn the_work_of_one_who_is_killed_is_told_to_its_end() {
        let mut tale = cast();
        assert_eq!(tale.victim(), None);
        tale.hear(at(1), "step 1, attempt 1: given to W2");
        assert_eq!(tale.victim(), Some(2));
        tale.kill(at(2), 2, 4711);
        assert_eq!((tale.victim(), tale.killed()), (None, Some("worker 2")));
        tale.hear(at(3), "step 1, attempt 1: its worker is gone");
        tale.hear(at(3), "step 1, attempt 2: given to W1");
        assert_eq!(tale.victim(), None, "one is enough");
        tale.hear(at(5), "step 1, attempt 2: checked by W3");
        tale.hear(at(6), "step 1, attempt 2: checked");
        let expected = [
            "worker 2 has it: it lets the model write, and runs the cases",
            "worker 2 is killed in the middle of it (SIGKILL, process 4711)",
            "coordinator misses worker 2, and lends the task anew: to worker 1",
            "worker 1 is done; worker 3 checks it: runs the same, and compares",
            "worker 3 found the same; user, who trusts neither, runs it once more",
        ];
        assert_eq!(told(&tale), expected);
    }

    #[test]
    fn one_who_is_slow_is_not_called_gone() {
        let mut tale = cast();
        tale.hear(at(1), "step 1, attempt 1: given to W1");
        tale.hear(at(20), "step 1, attempt 2: given to W3");
        assert_eq!(
            told(&tale)[1],
            "worker 1 takes long: worker 3 begins it too"
        );
    }

    #[test]
    fn an_author_who_was_too_quick_leaves_the_checker_to_be_killed() {
        let mut tale = cast();
        tale.hear(at(1), "step 1, attempt 1: given to W2");
        tale.hear(at(2), "step 1, attempt 1: checked by W3");
        assert_eq!(tale.victim(), Some(3));
    }
}
