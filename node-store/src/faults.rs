//! Faults on purpose at every file sync, for tests of crashes and full disks. Off unless a value asks for one.

use std::{
    fmt, io,
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

/// Decides at each sync point whether a fault happens. Part of a node's ports: two nodes of one process differ.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Plan>>);

struct Plan {
    fault: Fault,
    /// Syncs to let pass before the fault; each later one fails too, except that nothing is later than death.
    after: u64,
    seen: AtomicU64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Faults(off)"),
            Some(plan) => write!(f, "Faults({:?} after {})", plan.fault, plan.after),
        }
    }
}

impl Faults {
    /// `fault` at every sync after the first `after`.
    pub fn new(fault: Fault, after: u64) -> Self {
        Self(Some(Arc::new(Plan {
            fault,
            after,
            seen: AtomicU64::new(0),
        })))
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
        self.0
            .as_ref()
            .map(|plan| format!("{}:{}", plan.fault, plan.after))
            .unwrap_or_default()
    }

    /// To be called right before each sync of a file or folder; `point` names it in the trace.
    ///
    /// # Errors
    /// The planned fault.
    pub fn sync_point(&self, point: &'static str) -> io::Result<()> {
        let Some(plan) = &self.0 else { return Ok(()) };
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
