//! Brings the board before the reader: redrawn in place on a terminal, line by line elsewhere.

use std::io::Write;
use std::time::Duration;

use super::board::{Board, Line, Tone};

/// The least time between two drawings of a screen.
const DRAW_EVERY: Duration = Duration::from_millis(80);

/// How the reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Redrawn in place.
    pub live: bool,
    /// With colours.
    pub colour: bool,
}

/// The reader's side.
#[derive(Debug)]
pub struct Show {
    look: Look,
    /// When it was drawn last; lines that are out already.
    drawn: Option<Duration>,
    said: usize,
}

impl Show {
    /// Nothing is shown yet.
    pub fn new(look: Look) -> Self {
        Self {
            look,
            drawn: None,
            said: 0,
        }
    }

    /// Whether somebody watches as it goes.
    pub fn is_live(&self) -> bool {
        self.look.live
    }

    /// Shows what is new, if it is time.
    pub fn update(&mut self, board: &Board, at: Duration) {
        let is_time = self.drawn.is_none_or(|drawn| at >= drawn + DRAW_EVERY);
        if is_time || !self.look.live {
            self.draw(board, at);
        }
    }

    /// Shows what is new.
    pub fn draw(&mut self, board: &Board, at: Duration) {
        let text = if self.look.live {
            // Only the first time all is wiped: later each line overwrites its own past, which does not flicker.
            let clear = if self.drawn.is_none() { "\x1b[2J" } else { "" };
            format!("{clear}{}", screen(&board.frame(at), self.look.colour))
        } else {
            let lines = board.record();
            let new: String = lines
                .iter()
                .skip(self.said)
                .map(|line| format!("{line}\n"))
                .collect();
            self.said = lines.len();
            new
        };
        self.drawn = Some(at);
        let mut out = std::io::stdout().lock();
        // Nobody reads it any more: the guard will have noticed too, and ends the demonstration.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// A frame as a terminal takes it, from the upper left corner.
fn screen(frame: &[Line], colour: bool) -> String {
    let mut text = "\x1b[H".to_owned();
    for line in frame {
        for (tone, part) in line {
            text.push_str(&painted(*tone, part, colour));
        }
        text.push_str("\x1b[K\r\n");
    }
    text.push_str("\x1b[J");
    text
}

fn painted(tone: Tone, text: &str, colour: bool) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Strong => "1",
        Tone::Dim => "2",
        Tone::Busy => "36",
        Tone::Good => "32",
        Tone::Bad => "1;31",
    };
    if colour {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_overwritten_line_by_line_and_painted_only_when_asked() {
        let frame = [
            vec![(Tone::Good, "ok".to_owned()), (Tone::Plain, "!".to_owned())],
            vec![],
        ];
        let plain = "\x1b[Hok!\x1b[K\r\n\x1b[K\r\n\x1b[J";
        assert_eq!(screen(&frame, false), plain);
        let green = plain.replace("ok", "\x1b[32mok\x1b[0m");
        assert_eq!(screen(&frame, true), green);
    }
}
