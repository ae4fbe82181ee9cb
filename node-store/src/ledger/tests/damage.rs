//! Damage to the database's files: never wrong bytes, never an abort, and what is set aside is said.

use super::*;

/// All that a log can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    first: u64,
    heads: Vec<Vec<u8>>,
    blocks: Vec<Option<StoredBlock>>,
    tiles: Vec<Option<Vec<u8>>>,
    note: Option<Vec<u8>>,
}

fn view(log: &LedgerLog) -> Result<View, LedgerError> {
    let heights = 1..=log.tip();
    Ok(View {
        first: log.first(),
        heads: heights
            .clone()
            .map(|height| Ok(log.head(height)?.unwrap_or_default()))
            .collect::<Result<_, LedgerError>>()?,
        blocks: heights
            .map(|height| log.block(height))
            .collect::<Result<_, _>>()?,
        tiles: (0..6)
            .map(|index| log.tile(tile(0, index)))
            .collect::<Result<_, _>>()?,
        note: log.note("state")?,
    })
}

/// A log of several of sled's segments, opened several times, and what could be seen of it at each moment.
fn written(path: &Path) -> Vec<View> {
    let mut views = vec![view(&LedgerLog::memory()).unwrap()];
    for _ in 0..3 {
        let log = opened(path);
        for height in log.tip() + 1..=log.tip() + 4 {
            let tiles: Vec<_> = (0..6)
                .map(|index| (tile(0, index), filled(height + index, 5000)))
                .collect();
            let bytes = [300, 20_000, 150_000, 4_000][(height % 4) as usize];
            log.append(height, &block(height, bytes), &tiles).unwrap();
            log.sync().unwrap();
            views.push(view(&log).unwrap());
            if height % 3 == 0 {
                log.put_note("state", &filled(height, 30_000)).unwrap();
                views.push(view(&log).unwrap());
                log.prune_below(height - 2).unwrap();
                views.push(view(&log).unwrap());
            }
        }
        log.sync().unwrap();
    }
    views
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Numbers that a seed repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 += 1;
        let hash = blake3::hash(&self.0.to_be_bytes());
        let bytes = hash.as_bytes().first_chunk().copied().unwrap();
        (u64::from_be_bytes(bytes) % limit as u64) as usize
    }
}

/// Damages one file, and says how.
fn damage(path: &Path, bytes: &[u8], random: &mut Random) -> String {
    let mut bytes = bytes.to_vec();
    let at = random.below(bytes.len().max(1));
    match random.below(10) {
        0 => {
            fs::remove_file(path).unwrap();
            return format!("remove {path:?}");
        }
        1 | 2 => bytes.truncate(at),
        3 => {
            let end = bytes.len().min(at + random.below(5000));
            bytes[at..end].fill(0);
        }
        4 => {
            // A sector that belongs elsewhere.
            let from = random.below(bytes.len().max(1));
            let count = 512.min(bytes.len() - at).min(bytes.len() - from);
            bytes.copy_within(from..from + count, at);
        }
        _ if bytes.is_empty() => bytes.push(1),
        _ => bytes[at] ^= 1 << random.below(8),
    }
    fs::write(path, &bytes).unwrap();
    format!("{path:?} at {at} of {}", bytes.len())
}

/// One database after one damage: `true` when it was set aside.
fn survives(path: &Path, views: &[View], what: &str) -> bool {
    let opened = LedgerLog::open(path, &Faults::default()).unwrap();
    let log = opened.log;
    if let Some(aside) = &opened.set_aside {
        assert!(
            aside.join("conf").exists() || aside.join("db").exists(),
            "{what}"
        );
        assert_eq!((log.tip(), log.first()), (0, 0), "{what}");
    }
    // Opening read everything: what it let pass is right.
    let seen = view(&log).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(views.contains(&seen), "{what}: tip {}", log.tip());
    // It goes on, or says why not.
    let height = log.tip() + 1;
    if log.append(height, &block(height, 50_000), &[]).is_ok() && log.sync().is_ok() {
        drop(log);
        let again = LedgerLog::open(path, &Faults::default()).unwrap();
        if again.set_aside.is_none() {
            assert_eq!(
                again.log.block(height).unwrap(),
                Some(block(height, 50_000)),
                "{what}"
            );
        }
    }
    opened.set_aside.is_some()
}

fn snapshots(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snap.")
    };
    paths.filter(named)
}

fn damages(count: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let views = written(&whole);
    let files = files(&whole);
    let mut aside = 0;
    for number in seed..seed + count {
        let mut random = Random(number << 20);
        let place = folder.path().join("case");
        let path = place.join("ledger");
        fs::create_dir_all(path.join("blobs")).unwrap();
        for (file, bytes) in &files {
            fs::write(path.join(file.file_name().unwrap()), bytes).unwrap();
        }
        // The database file, which sorts between the settings and the snapshots, as often as all the others.
        let chosen = [1, random.below(files.len())][random.below(2)];
        let (file, bytes) = &files[chosen];
        let mut what = damage(&path.join(file.file_name().unwrap()), bytes, &mut random);
        if random.below(4) == 0 {
            // sled then reads its whole log again, and passes over what it finds broken.
            snapshots(&path).for_each(|snapshot| fs::remove_file(snapshot).unwrap());
            what += ", without snapshots";
        }
        eprintln!("case {number}: {what}");
        aside += u64::from(survives(&path, &views, &what));
        fs::remove_dir_all(&place).unwrap();
    }
    println!(
        "{aside} of {count} set aside, {} bytes",
        files.iter().map(|f| f.1.len()).sum::<usize>()
    );
    // The tests would show nothing if no damage were ever noticed, or every one.
    assert!(aside > 0 && aside < count);
}

#[test]
fn a_row_that_is_changed_missing_or_of_another_key_is_never_read_and_sets_the_database_aside() {
    let body = block_key(Kind::Body, 2);
    let (row, other) = (layout::row_key(&body, 1), layout::row_key(&body, 2));
    for case in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let log = opened(&path);
        for height in 1..4 {
            let tiles = [(tile(0, 0), filled(height, 100))];
            log.append(height, &block(height, 20_000), &tiles).unwrap();
        }
        let raw = |key: &[u8]| log.0.rows.raw(key).unwrap();
        let mut stored = raw(&row);
        stored[100] ^= 1;
        let new = [Some(stored), None, Some(raw(&other))][case].clone();
        log.0.rows.set_raw(&row, new);
        let error = log.block(2).unwrap_err();
        assert!(
            matches!(
                error,
                LedgerError::Damaged {
                    what: "body",
                    height: 2
                }
            ),
            "{error:?}"
        );
        log.sync().ok();
        drop(log);
        let opened = LedgerLog::open(&path, &Faults::default()).unwrap();
        assert_eq!(
            opened.set_aside,
            Some(path.with_file_name("ledger.broken-1")),
            "{case}"
        );
        assert_eq!(opened.log.tip(), 0);
    }
}

#[test]
fn a_missing_database_file_is_said_whatever_else_is_missing() {
    for snapshots_too in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        written(&path);
        fs::remove_file(path.join("db")).unwrap();
        if snapshots_too {
            snapshots(&path).for_each(|snapshot| fs::remove_file(snapshot).unwrap());
        }
        let opened = LedgerLog::open(&path, &Faults::default()).unwrap();
        assert!(
            opened
                .set_aside
                .is_some_and(|aside| aside.join("conf").exists())
        );
    }
}

#[test]
fn a_tile_that_is_older_than_its_tip_sets_the_database_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let log = opened(&path);
    let key = layout::row_key(&tile_key(tile(0, 0)), 0);
    log.append(1, &block(1, 10), &[(tile(0, 0), b"old".to_vec())])
        .unwrap();
    let old = log.0.rows.raw(&key);
    log.append(2, &block(2, 10), &[(tile(0, 0), b"new".to_vec())])
        .unwrap();
    // As if sled had passed over the page's last change: the row is whole in itself.
    log.0.rows.set_raw(&key, old);
    assert_eq!(log.tile(tile(0, 0)).unwrap(), Some(b"old".to_vec()));
    log.sync().unwrap();
    drop(log);
    let opened = LedgerLog::open(&path, &Faults::default()).unwrap();
    assert!(opened.set_aside.is_some());
}

#[test]
fn no_damage_to_any_file_gives_wrong_bytes_or_ends_the_process() {
    damages(200, 0);
}

#[test]
#[ignore = "long: thousands of damages, with a seed of choice"]
fn no_damage_gives_wrong_bytes_in_thousands_of_cases() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    damages(
        number("DAMAGES").unwrap_or(5_000),
        number("SEED").unwrap_or(1_000),
    );
}
