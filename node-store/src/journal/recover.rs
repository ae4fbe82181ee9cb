//! Which segment is live, and whether what is there can come from a crash. Decides only; nothing is written.
//! The reasons are in the module above.

use super::{
    STEP,
    segment::{FRAMES_START, Found as Part, Frames, Header, read_mark},
};

/// What two segment files hold.
#[derive(Debug)]
pub(super) enum Found {
    /// No journal was ever begun here.
    Nothing,
    Live(Live),
    Damaged {
        /// The file with the newest readable header, or the second: a restart begins the other one.
        live: usize,
        /// The highest generation that either file tells of.
        generation: u64,
        /// Those of the newest readable segment, before the damage.
        records: Vec<Vec<u8>>,
    },
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) index: usize,
    pub(super) header: Header,
    pub(super) frames: Frames,
    /// The other file says already that this one took over.
    pub(super) other_marked: bool,
}

pub(super) fn find(files: &[Vec<u8>; 2]) -> Found {
    let headers = [Header::read(&files[0]), Header::read(&files[1])];
    let marks = [read_mark(&files[0]), read_mark(&files[1])];
    let generations = [0, 1].map(|index| match (&headers[index], &marks[index]) {
        (Part::Whole(header), Part::Whole(mark)) => header.generation.max(*mark),
        (Part::Whole(header), Part::Blank | Part::Broken) => header.generation,
        (Part::Blank | Part::Broken, Part::Whole(mark)) => *mark,
        (Part::Blank | Part::Broken, Part::Blank | Part::Broken) => 0,
    });
    let broken = headers.contains(&Part::Broken) || marks.contains(&Part::Broken);

    let newest = match &headers {
        [Part::Whole(first), Part::Whole(second)] if first.generation > second.generation => {
            Some((0, first))
        }
        [Part::Whole(first), Part::Blank | Part::Broken] => Some((0, first)),
        [_, Part::Whole(second)] => Some((1, second)),
        [Part::Blank | Part::Broken, Part::Blank | Part::Broken] => None,
    };
    let Some((index, header)) = newest else {
        let untouched = |file: &Vec<u8>| file.iter().all(|byte| *byte == 0);
        if files.iter().all(untouched) {
            return Found::Nothing;
        }
        return Found::Damaged {
            live: 1,
            generation: generations[0].max(generations[1]),
            records: Vec::new(),
        };
    };

    let other = 1 - index;
    let file = &files[index];
    let frames = Frames::read(file, header);
    // The segment was this long before its header was written.
    let cut = (file.len() as u64) < FRAMES_START + STEP;
    let given_up = marks[index] != Part::Blank || generations[other] > header.generation;
    let twice =
        matches!(&headers[other], Part::Whole(same) if same.generation == header.generation);
    if broken || cut || given_up || twice || frames.damaged {
        return Found::Damaged {
            live: index,
            generation: generations[0].max(generations[1]),
            records: frames.records,
        };
    }
    Found::Live(Live {
        index,
        other_marked: marks[other] == Part::Whole(header.generation)
            && headers[other] == Part::Blank,
        header: header.clone(),
        frames,
    })
}
