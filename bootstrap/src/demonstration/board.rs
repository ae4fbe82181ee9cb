//! What the demonstration's one screen says: five nodes and what each does now, the task, what happened when, the end.
//!
//! It draws nothing: [`Board::frame`] is the screen at a moment, [`Board::record`] the same as a text that only grows,
//! for whoever has no terminal.

use std::time::Duration;

/// Columns that every terminal has.
pub const WIDTH: usize = 80;
/// Lines of the fullest screen: the 24 that every terminal has, without the one where the shell asks again.
pub const HEIGHT: usize = 23;
/// Happenings that fit beside all the rest; of more, the latest are shown.
const STORY_MAX: usize = 7;
/// Characters of a peer id that are shown, as in `edgecoder peers`: the first ones are the same for all.
const ID_SHOWN: usize = 10;
/// One turn of the wheel beside whoever is at work.
const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const WHEEL_STEP: Duration = Duration::from_millis(100);
const TITLE: &str = "EdgeCoder: five daemons on this machine, one task, one of them killed";

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As any text.
    Plain,
    /// A title.
    Strong,
    /// Of less weight.
    Dim,
    /// Somebody is at work: it has a wheel beside it.
    Busy,
    /// It went well.
    Good,
    /// It did not.
    Bad,
}

/// One line of the screen.
pub type Line = Vec<(Tone, String)>;

/// One of the five nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// What it is called here.
    pub name: &'static str,
    /// What it is there for.
    pub does: &'static str,
    /// Its peer id, once it is registered.
    pub id: Option<String>,
    now: (Tone, String),
}

impl Seat {
    /// A node that is not there yet.
    pub fn new(name: &'static str, does: &'static str) -> Self {
        let (id, now) = (None, (Tone::Dim, String::new()));
        Self {
            name,
            does,
            id,
            now,
        }
    }

    /// Says what it does now.
    pub fn set(&mut self, tone: Tone, now: impl Into<String>) {
        self.now = (tone, now.into());
    }

    fn line(&self, at: Duration) -> Line {
        let Self {
            name,
            does,
            id,
            now: (tone, now),
        } = self;
        let id = id.as_deref().map(short).unwrap_or_default();
        let mark = match tone {
            Tone::Busy => wheel(at),
            Tone::Bad => "✗",
            Tone::Good => "✓",
            Tone::Plain | Tone::Strong | Tone::Dim => " ",
        };
        vec![
            (Tone::Strong, format!("  {name:<12} ")),
            (Tone::Dim, format!("{id:<13}")),
            (Tone::Plain, format!("{does:<22}")),
            (*tone, format!("{mark} {now}")),
        ]
    }
}

/// The whole screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The nodes, in the order in which they start.
    pub seats: Vec<Seat>,
    task: Vec<String>,
    code: Option<String>,
    story: Vec<(Duration, Tone, String)>,
    closing: Vec<(Tone, String)>,
}

impl Board {
    /// A screen before anything has happened.
    pub fn new(seats: Vec<Seat>) -> Self {
        Self {
            seats,
            task: Vec::new(),
            code: None,
            story: Vec::new(),
            closing: Vec::new(),
        }
    }

    /// Shows the task that was given.
    pub fn give(&mut self, prompt: &str, cases: &str) {
        self.task = vec![format!("  task   {prompt}"), format!("  cases  {cases}")];
    }

    /// Shows the code that came back.
    pub fn answer(&mut self, code: &str) {
        let last = code.trim_end().lines().last().unwrap_or_default();
        self.code = Some(format!("  code   {}", last.trim()));
    }

    /// Tells what happened at a moment.
    pub fn tell(&mut self, at: Duration, tone: Tone, what: impl Into<String>) {
        self.story.push((at, tone, what.into()));
    }

    /// Shows how it ended, and what to do next.
    pub fn close(&mut self, lines: Vec<(Tone, String)>) {
        self.closing = lines;
    }

    /// Who a peer id belongs to, as it is called here.
    pub fn find(&self, id: &str) -> Option<usize> {
        let own = |seat: &Seat| seat.id.as_deref() == Some(id);
        self.seats.iter().position(own)
    }

    /// The screen at a moment: at most [`HEIGHT`] lines of at most [`WIDTH`] characters.
    pub fn frame(&self, at: Duration) -> Vec<Line> {
        let clock = format!("{:>5.1} s", at.as_secs_f64());
        let title = format!("{TITLE:<width$}", width = WIDTH - 7);
        let mut lines = vec![vec![(Tone::Strong, title), (Tone::Dim, clock)], Vec::new()];
        let there = |seat: &&Seat| !seat.now.1.is_empty();
        lines.extend(self.seats.iter().filter(there).map(|seat| seat.line(at)));
        let mut block = |block: Vec<Line>| {
            if !block.is_empty() {
                lines.push(Vec::new());
                lines.extend(block);
            }
        };
        let task = self.task.iter().chain(&self.code);
        block(task.map(|text| vec![(Tone::Plain, text.clone())]).collect());
        let latest = self.story.len().saturating_sub(STORY_MAX);
        block(self.story.iter().skip(latest).map(happening).collect());
        let mut lines: Vec<Line> = lines.into_iter().map(cut).collect();
        if !self.closing.is_empty() {
            lines.push(Vec::new());
            // Whole: what is to be typed is of no use in part, and nothing stands below it that could be moved.
            lines.extend(self.closing.iter().map(|end| vec![end.clone()]));
        }
        lines
    }

    /// The same without a terminal: what is added later stands below, and nothing is taken back.
    pub fn record(&self) -> Vec<String> {
        let mut lines = vec![TITLE.to_owned(), String::new()];
        for seat in &self.seats {
            if let Some(id) = &seat.id {
                let Seat { name, does, .. } = seat;
                lines.push(format!("  {name:<12} {:<13}{does}", short(id)));
            }
        }
        let mut block = |block: Vec<String>| {
            if !block.is_empty() {
                lines.push(String::new());
                lines.extend(block);
            }
        };
        block(self.task.clone());
        block(
            self.story
                .iter()
                .map(|line| plain(&happening(line)))
                .collect(),
        );
        if !self.closing.is_empty() {
            block(self.code.iter().cloned().collect());
            block(self.closing.iter().map(|(_, text)| text.clone()).collect());
        }
        lines
    }
}

fn happening((at, tone, what): &(Duration, Tone, String)) -> Line {
    let time = format!("  {:>5.1} s  ", at.as_secs_f64());
    vec![(Tone::Dim, time), (*tone, what.clone())]
}

fn wheel(at: Duration) -> &'static str {
    let turns = at.as_millis() / WHEEL_STEP.as_millis();
    let step = usize::try_from(turns % WHEEL.len() as u128).unwrap_or(0);
    WHEEL.get(step).copied().unwrap_or(" ")
}

/// A peer id's last characters.
pub fn short(id: &str) -> String {
    let tail: Vec<char> = id.chars().rev().take(ID_SHOWN).collect();
    format!("…{}", tail.into_iter().rev().collect::<String>())
}

/// A line's text alone.
pub fn plain(line: &Line) -> String {
    line.iter().map(|(_, text)| text.as_str()).collect()
}

/// Longer lines would be broken by the terminal, and move all below them.
fn cut(line: Line) -> Line {
    let mut room = WIDTH;
    let mut shown = Vec::new();
    for (tone, text) in line {
        let text: String = text.chars().take(room).collect();
        room -= text.chars().count();
        shown.push((tone, text));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// As full as it gets.
    fn full() -> Board {
        let mut seats: Vec<Seat> = (0..5).map(|_| Seat::new("coordinator", "works")).collect();
        for seat in &mut seats {
            seat.id = Some("12D3KooWA1XqF14tzcshU8QZhkqDvxbUkMMGwqyEnVx5RFdXH7M7".to_owned());
            seat.set(Tone::Busy, "x".repeat(100));
        }
        let mut board = Board::new(seats);
        board.give(&"prompt ".repeat(20), "cases");
        board.answer("def f(n):\n    return n\n");
        for at in 0..20 {
            board.tell(seconds(at), Tone::Plain, "it happened ".repeat(10));
        }
        board.close(vec![(Tone::Good, "end".to_owned()); 3]);
        board
    }

    #[test]
    fn the_fullest_screen_fits_any_terminal() {
        let frame = full().frame(seconds(59));
        assert_eq!(frame.len(), HEIGHT);
        for line in &frame {
            assert!(plain(line).chars().count() <= WIDTH, "{line:?}");
        }
        let title = plain(&frame[0]);
        assert!(title.ends_with("   59.0 s"), "{title}");
    }

    #[test]
    fn the_record_only_grows() {
        let mut board = Board::new(vec![
            Seat::new("user", "asks"),
            Seat::new("worker", "works"),
        ]);
        let mut before = board.record();
        let mut grown = |board: &Board, more: usize| {
            let now = board.record();
            assert_eq!(now.len(), before.len() + more, "{now:?}");
            assert_eq!(now[..before.len()], before[..]);
            before = now;
        };
        board.seats[0].id = Some("12D3".to_owned());
        grown(&board, 1);
        board.seats[1].set(Tone::Busy, "starts");
        grown(&board, 0);
        board.seats[1].id = Some("12D4".to_owned());
        grown(&board, 1);
        board.give("Write it.", "f(1) is 1");
        grown(&board, 3);
        board.tell(seconds(1), Tone::Plain, "it began");
        grown(&board, 2);
        board.tell(seconds(2), Tone::Plain, "it went on");
        grown(&board, 1);
        board.answer("def f(n): return n");
        grown(&board, 0);
        board.close(vec![(Tone::Good, "done".to_owned())]);
        grown(&board, 4);
    }

    #[test]
    fn a_peer_id_is_known_by_its_end() {
        let board = full();
        assert_eq!(short("12D3KooWA1XqF14tzcshU8"), "…F14tzcshU8");
        assert_eq!(
            board.find("12D3KooWA1XqF14tzcshU8QZhkqDvxbUkMMGwqyEnVx5RFdXH7M7"),
            Some(0)
        );
        assert_eq!(board.find("12D3"), None);
    }
}
