//! What the coordinator knows of tasks, with other members: shared by whoever has the duty, kept by the others, and
//! gathered by whoever takes over. An acknowledged task is with so many that one of them is honest.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use edgecoder_coordinator::{Coordinator, config::TASKS_MAX, inspect};
use edgecoder_node_store::StoreError;
use edgecoder_protocol::{
    PeerId, TaskId,
    operator::{ErrorKind, ErrorObject},
    wire::{KEPT_MAX, Kept, RECORD_MAX, Request, Response},
};
use tokio::{
    sync::{Notify, mpsc},
    task::{JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::records::Records;
use crate::mesh::Hub;

/// How long a member may take to keep what is sent: it may have to fetch a request of 8 MiB.
const KEEP: Duration = Duration::from_secs(10);
/// How long an acknowledgement waits for enough members.
const ENOUGH: Duration = Duration::from_secs(12);
/// The pause after a member did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// What a member is still to hear of, at most; of more it hears no more, and does again what it missed.
const DUE_MAX: usize = 8_192;
/// Times that a member may not keep a record before it is let go: its request may still be on its way there.
const REFUSED_MAX: u32 = 8;
/// Pages of marks that are asked of one member: as many as it may keep tasks.
const PAGES_MAX: usize = 2;
/// How long a member may take to say what it keeps.
const TELL: Duration = Duration::from_secs(5);
/// A member that did not say what it keeps is asked again after so long, doubled up to the other.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// Who waits for a member to keep something.
type Waiting = Vec<mpsc::Sender<()>>;

/// What one member is still to hear of.
#[derive(Default)]
struct Queue {
    due: Mutex<Due>,
    changed: Notify,
}

/// In the order in which it came up; what a member did not keep waits for its next turn.
#[derive(Default)]
struct Due {
    tasks: BTreeMap<TaskId, Waiting>,
    order: VecDeque<TaskId>,
    /// Of these, how often each was not kept.
    refused: BTreeMap<TaskId, u32>,
}

impl Queue {
    fn due(&self) -> std::sync::MutexGuard<'_, Due> {
        // A panic while it was held left at worst a task that is not shared.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, task: TaskId, waits: Option<mpsc::Sender<()>>) {
        let mut due = self.due();
        due.refused.remove(&task);
        due.add(task, waits);
        self.changed.notify_one();
    }

    /// The member does not keep this one: whether it is asked once more.
    fn is_refused(&self, task: TaskId) -> bool {
        let mut due = self.due();
        let refused = due.refused.entry(task).or_default();
        *refused += 1;
        let is_over = *refused >= REFUSED_MAX;
        if is_over {
            due.refused.remove(&task);
            tracing::warn!(%task, "a member does not keep a task");
        }
        !is_over
    }

    /// The next ones, with who waits for them.
    fn take(&self) -> Vec<(TaskId, Waiting)> {
        let mut due = self.due();
        let mut taken = Vec::new();
        while taken.len() < KEPT_MAX {
            let Some(task) = due.order.pop_front() else {
                break;
            };
            taken.extend(due.tasks.remove(&task).map(|waits| (task, waits)));
        }
        taken
    }

    fn put_back(&self, all: Vec<(TaskId, Waiting)>) {
        let mut due = self.due();
        for (task, waits) in all {
            due.add(task, waits);
        }
    }
}

impl Due {
    fn add(&mut self, task: TaskId, waits: impl IntoIterator<Item = mpsc::Sender<()>>) {
        let has_room = self.tasks.len() < DUE_MAX;
        match self.tasks.get_mut(&task) {
            Some(waiting) => waiting.extend(waits),
            None if has_room => {
                self.tasks.insert(task, waits.into_iter().collect());
                self.order.push_back(task);
            }
            None => tracing::warn!(%task, "a member is behind by too much to hear of a task"),
        }
    }
}

/// A coordinator's way to the other members, for one term.
pub struct Members {
    hub: Arc<Hub>,
    records: Records,
    term: u64,
    queues: Mutex<BTreeMap<PeerId, Arc<Queue>>>,
    stop: CancellationToken,
}

impl Members {
    /// Sends until `stop`.
    pub fn new(hub: Arc<Hub>, records: Records, term: u64, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            hub,
            records,
            term,
            queues: Mutex::default(),
            stop,
        })
    }

    /// Has the others keep a task as it is stored here, or forget it if it is not. The future ends when so many have
    /// that one of them, or this node, is honest; dropping it withdraws the waiting alone.
    pub fn share(
        self: &Arc<Self>,
        task: TaskId,
    ) -> impl Future<Output = Result<(), ErrorObject>> + Send + use<> {
        let view = self.hub.council.view();
        let set = view.chain.deciders();
        let others: Vec<PeerId> = set.map_or_else(Vec::new, |set| {
            let members = set.members().iter().copied();
            members.filter(|one| *one != self.hub.id).collect()
        });
        let needed = set.map_or(0, |set| set.some_honest().saturating_sub(1));
        let (told, mut kept) = mpsc::channel(others.len().max(1));
        for queue in self.queues(&others) {
            queue.push(task, Some(told.clone()));
        }
        drop(told);
        async move {
            let enough = async {
                for _ in 0..needed {
                    kept.recv().await?;
                }
                Some(())
            };
            let too_few = || {
                let message =
                    format!("fewer than {needed} other members of the council keep the task");
                let next =
                    "try again when more members are up: `edgecoder council status` shows who";
                ErrorObject::new(ErrorKind::Busy, message, next)
            };
            match timeout(ENOUGH, enough).await {
                Ok(Some(())) => Ok(()),
                Ok(None) | Err(_) => Err(too_few()),
            }
        }
    }

    /// The queues of these members; those of others end.
    fn queues(self: &Arc<Self>, members: &[PeerId]) -> Vec<Arc<Queue>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|peer, _| members.contains(peer));
        let queue = |peer: &PeerId| {
            let start = || {
                let queue = Arc::new(Queue::default());
                let sending = send(Arc::downgrade(&queue), self.clone(), *peer);
                let stop = self.stop.clone();
                // Ends with the term, or with its queue.
                tokio::spawn(async move { stop.run_until_cancelled(sending).await });
                queue
            };
            queues.entry(*peer).or_insert_with(start).clone()
        };
        members.iter().map(queue).collect()
    }

    /// Puts a task that a member did not keep into its queue again, a while later.
    fn later(&self, queue: Arc<Queue>, task: TaskId, waits: Waiting) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            if stop.run_until_cancelled(sleep(PAUSE)).await.is_some() {
                queue.put_back(vec![(task, waits)]);
                queue.changed.notify_one();
            }
        });
    }

    /// What is sent at once of `taken`: as many records as fit in a message, and tasks that are no more; the rest.
    async fn batch(&self, taken: Vec<(TaskId, Waiting)>) -> Batch {
        let records = self.records.clone();
        let reading = spawn_blocking(move || {
            let mut batch = Batch::default();
            let mut bytes = 0;
            for (task, waits) in taken {
                match records.get(task) {
                    Ok(Some(kept)) if bytes + kept.record.len() <= RECORD_MAX => {
                        bytes += kept.record.len() + 64;
                        batch.kept.push(kept);
                        batch.told.push((task, waits));
                    }
                    Ok(Some(_)) => batch.rest.push((task, waits)),
                    Ok(None) => batch.gone.push(task),
                    // What cannot be read here is nobody's to keep.
                    Err(error) => tracing::error!(%task, %error, "a task's record is not shared"),
                }
            }
            batch
        });
        reading.await.unwrap_or_default()
    }
}

/// What is sent to one member.
#[derive(Default)]
struct Batch {
    kept: Vec<Kept>,
    told: Vec<(TaskId, Waiting)>,
    gone: Vec<TaskId>,
    rest: Vec<(TaskId, Waiting)>,
}

/// Sends to one member what it is to hear of, for as long as it has a queue.
async fn send(queue: std::sync::Weak<Queue>, members: Arc<Members>, peer: PeerId) {
    while let Some(queue) = queue.upgrade() {
        let taken = queue.take();
        if taken.is_empty() {
            // Looks now and then whether it is still a member.
            timeout(AGAIN_MAX, queue.changed.notified()).await.ok();
            continue;
        }
        let batch = members.batch(taken).await;
        queue.put_back(batch.rest);
        let mut is_reached = true;
        if !batch.kept.is_empty() {
            let request = Request::Keep(batch.kept);
            let answer = members.hub.ask(peer, request, KEEP).await;
            is_reached = matches!(answer, Ok(Response::Keeping(_)));
            match answer {
                Ok(Response::Keeping(kept)) => {
                    for (task, waits) in batch.told {
                        match kept.contains(&task) {
                            // Who was waiting may have enough already.
                            true => waits.iter().for_each(|told| {
                                told.try_send(()).ok();
                            }),
                            // Once more, and nobody waits for it meanwhile.
                            false if queue.is_refused(task) => {
                                members.later(queue.clone(), task, waits);
                            }
                            false => {}
                        }
                    }
                }
                answer => {
                    tracing::debug!(%peer, ?answer, "a member does not keep tasks");
                    queue.put_back(batch.told);
                }
            }
        }
        for task in batch.gone {
            let term = members.term;
            let request = Request::Unkeep { task, term };
            let is_told = is_reached
                && matches!(
                    members.hub.ask(peer, request, TELL).await,
                    Ok(Response::Done { .. })
                );
            if !is_told {
                queue.push(task, None);
                is_reached = false;
            }
        }
        if !is_reached {
            sleep(PAUSE).await;
        }
    }
}

/// What this node answers as one that keeps tasks for whoever coordinates.
pub async fn keep(hub: &Arc<Hub>, records: &Records, from: PeerId, request: Request) -> Response {
    let done = Response::Done { now: hub.now() };
    let is_coordinator = hub.seat().is_some_and(|seat| seat.holder == from);
    let is_member = hub.council.view().is_member(&from);
    match request {
        Request::Keep(all) if is_coordinator => match keep_all(hub, records, from, all).await {
            Ok(kept) => Response::Keeping(kept),
            Err(error) => Response::Refused(error),
        },
        Request::Unkeep { task, term }
            if is_coordinator && hub.seat().is_some_and(|seat| seat.term == term) =>
        {
            let records = records.clone();
            let removed = spawn_blocking(move || records.remove(task)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%task, %error, "a record was not removed");
            }
            done
        }
        Request::Keep(_) | Request::Unkeep { .. } => hub.elsewhere(),
        Request::Marks { after } if is_member => Response::Marks(records.marks(after)),
        Request::Fetch { task } if is_member => {
            let records = records.clone();
            match spawn_blocking(move || records.get(task)).await {
                Ok(Ok(kept)) => Response::Kept(kept.map(Box::new)),
                Ok(Err(error)) => Response::Refused(broken(&error)),
                Err(error) => Response::Refused(broken(&error)),
            }
        }
        Request::Marks { .. } | Request::Fetch { .. } => {
            let next = "ask as a member of the council";
            let kind = ErrorKind::Policy;
            Response::Refused(ErrorObject::new(kind, "that is among members", next))
        }
        _ => hub.elsewhere(),
    }
}

/// Keeps those of them durably that can be; which that are. One that cannot be keeps no other out.
async fn keep_all(
    hub: &Arc<Hub>,
    records: &Records,
    from: PeerId,
    all: Vec<Kept>,
) -> Result<Vec<TaskId>, ErrorObject> {
    let term = hub.seat().map_or(0, |seat| seat.term);
    let now = hub.now();
    let (mut seen, mut done) = (Vec::new(), Vec::new());
    for kept in all {
        let task = kept.task;
        // Of no term that has not begun, and of its submitter.
        let Some(inspected) = inspect(&kept).ok().filter(|_| kept.mark.term <= term) else {
            tracing::warn!(%task, %from, "a task is not kept: its record is none");
            continue;
        };
        if !records.wants(task, kept.mark) {
            done.push(task);
            continue;
        }
        match hub.contents.load(&inspected.job, Some(from)).await {
            Ok(_) => seen.push((kept, inspected)),
            Err(error) => {
                tracing::debug!(%task, %error, "a task is not kept: its request did not come")
            }
        }
    }
    // Whoever says that it came in later than now would never have it forgotten.
    let kept: Vec<_> = seen
        .iter()
        .map(|(kept, one)| (kept.clone(), one.accepted.min(now)))
        .collect();
    let records = records.clone();
    let written = spawn_blocking(move || {
        let mut done = Vec::new();
        for (kept, accepted) in kept {
            let task = kept.task;
            records.put(kept, accepted)?;
            done.push(task);
        }
        records.sync()?;
        Ok::<_, StoreError>(done)
    });
    let written = written.await.map_err(|error| broken(&error))?;
    done.extend(written.map_err(|error| broken(&error))?);
    // What else is in them is worth having, and can be made again.
    for sealed in seen.iter().flat_map(|(_, one)| &one.others) {
        if let Err(error) = hub.contents.load(sealed, Some(from)).await {
            tracing::debug!(%error, "a content of a task was not fetched");
        }
    }
    Ok(done)
}

fn broken(error: &dyn std::fmt::Display) -> ErrorObject {
    let next = "check free space and permissions of the member's data folder";
    ErrorObject::new(ErrorKind::Internal, error.to_string(), next)
}

/// Asks each other member what it keeps, and has the coordinator go on with what it does not know. Ends when all have
/// answered.
pub async fn gather(hub: Arc<Hub>, records: Records, coordinator: Coordinator) {
    let view = hub.council.view();
    let members = view.chain.deciders().map(|set| set.members().to_vec());
    let others = members.unwrap_or_default().into_iter();
    let mut asking = JoinSet::new();
    for peer in others.filter(|one| *one != hub.id) {
        let (hub, records, coordinator) = (hub.clone(), records.clone(), coordinator.clone());
        asking.spawn(async move {
            let mut pause = AGAIN;
            while let Err(reason) = gather_from(&hub, &records, &coordinator, peer).await {
                tracing::debug!(%peer, reason, "a member has not said what it keeps");
                sleep(pause).await;
                pause = (pause * 2).min(AGAIN_MAX);
            }
        });
    }
    while asking.join_next().await.is_some() {}
}

async fn gather_from(
    hub: &Arc<Hub>,
    records: &Records,
    coordinator: &Coordinator,
    peer: PeerId,
) -> Result<(), String> {
    let mut after = None;
    // One that makes tasks up takes no more than its part of the room.
    let members = hub
        .council
        .view()
        .chain
        .deciders()
        .map_or(1, |set| set.members().len());
    let mut left = TASKS_MAX / members;
    for _ in 0..PAGES_MAX {
        let page = match hub.ask(peer, Request::Marks { after }, TELL).await? {
            Response::Marks(page) => page,
            // It keeps nothing: it does not have the role.
            Response::Elsewhere { .. } => return Ok(()),
            _ => return Err("it answered something else".into()),
        };
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(*last);
        for (task, _) in page {
            if records.has(task) {
                continue;
            }
            if left == 0 {
                tracing::warn!(%peer, "a member keeps more tasks than are gone on with");
                return Ok(());
            }
            left -= 1;
            let kept = match hub.ask(peer, Request::Fetch { task }, TELL).await? {
                Response::Kept(Some(kept)) => *kept,
                Response::Kept(None) => continue,
                _ => return Err("it answered something else".into()),
            };
            // There may be no other copy of the request; the submitter's signature is looked at there.
            let Ok(seen) = inspect(&kept) else { continue };
            match hub.contents.load(&seen.job, Some(peer)).await {
                Ok(_) => coordinator.restore(kept).await,
                Err(error) => tracing::debug!(%task, %error, "a request was not fetched"),
            }
        }
    }
    Ok(())
}
