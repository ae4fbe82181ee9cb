//! Faults on purpose at every file sync, and a look at each, for tests of crashes and full disks. Off unless a value
//! asks for one.

use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What happens at the chosen sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies as from `kill -9`: nothing is flushed, no destructor runs.
    Die,
    /// The disk is full.
    Full,
    /// The disk fails.
    Broken,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Die => "die",
            Self::Full => "full",
            Self::Broken => "broken",
        })
    }
}

/// When a sync is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All is written, and nothing of it durable yet.
    Before,
    /// The sync has succeeded.
    After,
}

type Watcher = dyn Fn(&Path, Moment) + Send + Sync;

/// Decides at each sync point whether a fault happens. Part of a node's ports: two nodes of one process differ.
#[derive(Clone, Default)]
pub struct Faults {
    plan: Option<Arc<Plan>>,
    watcher: Option<Arc<Watcher>>,
}

struct Plan {
    fault: Fault,
    /// Syncs to let pass before the fault; each later one fails too, except that nothing is later than death.
    after: u64,
    seen: AtomicU64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plan {
            None => f.write_str("Faults(off)"),
            Some(plan) => write!(f, "Faults({:?} after {})", plan.fault, plan.after),
        }
    }
}

impl Faults {
    /// `fault` at every sync after the first `after`.
    pub fn new(fault: Fault, after: u64) -> Self {
        let plan = Plan {
            fault,
            after,
            seen: AtomicU64::new(0),
        };
        Self {
            plan: Some(Arc::new(plan)),
            watcher: None,
        }
    }

    /// No fault, and `watcher` is called right before and right after each sync, with the file or folder, in the
    /// thread that syncs.
    pub fn watched(watcher: impl Fn(&Path, Moment) + Send + Sync + 'static) -> Self {
        Self {
            plan: None,
            watcher: Some(Arc::new(watcher)),
        }
    }

    /// Reads `die:N`, `full:N` or `broken:N`; `None` when `text` is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, after) = text.split_once(':')?;
        let fault = match kind {
            "die" => Fault::Die,
            "full" => Fault::Full,
            "broken" => Fault::Broken,
            _ => return None,
        };
        Some(Self::new(fault, after.parse().ok()?))
    }

    /// What [`Faults::parse`] reads, for a child process, which counts its own syncs; empty when off.
    pub fn spec(&self) -> String {
        self.plan
            .as_ref()
            .map(|plan| format!("{}:{}", plan.fault, plan.after))
            .unwrap_or_default()
    }

    /// Does one sync, of the file or folder `path`; `point` names it in the trace.
    ///
    /// # Errors
    /// The planned fault, and then nothing was synced; or the sync's own.
    pub fn sync(
        &self,
        point: &'static str,
        path: &Path,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        self.happen(point)?;
        let look = |moment| {
            if let Some(watcher) = &self.watcher {
                watcher(path, moment);
            }
        };
        look(Moment::Before);
        sync()?;
        look(Moment::After);
        Ok(())
    }

    /// The planned fault, if its time has come.
    fn happen(&self, point: &'static str) -> io::Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        let seen = plan.seen.fetch_add(1, Ordering::Relaxed);
        if seen < plan.after {
            return Ok(());
        }
        tracing::warn!(point, fault = ?plan.fault, "fault on purpose");
        match plan.fault {
            // abort, not exit: exit would flush and run destructors.
            Fault::Die => std::process::abort(),
            Fault::Full => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Fault::Broken => Err(io::Error::other("input/output error (fault on purpose)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_sees_each_sync_before_and_after_it_and_none_that_failed() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = seen.clone();
        let faults = Faults::watched(move |path, moment| {
            told.lock().unwrap().push((path.to_path_buf(), moment));
        });
        let (good, bad) = (Path::new("good"), Path::new("bad"));
        let synced = seen.clone();
        faults
            .sync("a", good, || {
                assert_eq!(synced.lock().unwrap().len(), 1);
                Ok(())
            })
            .unwrap();
        faults
            .sync("b", bad, || Err(io::ErrorKind::StorageFull.into()))
            .unwrap_err();
        let expected = [
            (good, Moment::Before),
            (good, Moment::After),
            (bad, Moment::Before),
        ];
        let expected = expected.map(|(path, moment)| (path.to_path_buf(), moment));
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[test]
    fn a_plan_reads_back_what_it_says() {
        for text in ["die:0", "full:3", "broken:12"] {
            assert_eq!(Faults::parse(text).unwrap().spec(), text);
        }
        assert_eq!(Faults::default().spec(), "");
        for text in ["", "die", "die:", "die:-1", "burn:1"] {
            assert!(Faults::parse(text).is_none(), "{text}");
        }
    }
}
