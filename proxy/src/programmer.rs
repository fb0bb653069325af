//! The one task that changes what is served: takes the controller's messages, programs the listeners, keeps the table in
//! the state file, and only then gives the outcomes to the stream that is up: what is acknowledged survives a crash, and
//! what was taken away doesn't come back by one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use lambdaroute_proxy_config::v1alpha1::to_proxy::Message;
use lambdaroute_proxy_config::v1alpha1::{Outcome, Resource, Version};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::contact::Contact;
use crate::kept::Kept;
use crate::key_sets::KeySets;
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::state_file::{StateFile, Stored, Unkept};
use crate::table::{Step, Table};

/// A port that couldn't be bound, or a table that couldn't be kept, is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// As many messages are taken together, kept by one write and acknowledged by one answer.
const GATHERED: usize = 1024;
/// How often the time of the last contact is written, where the table's age is limited.
const TOUCH: Duration = Duration::from_secs(10);

/// To the programmer.
pub(crate) enum Command {
    /// A stream begins; outcomes go there from now on. Answered with the version of the table that is served.
    Begin(mpsc::UnboundedSender<Told>, tokio::sync::oneshot::Sender<Option<Version>>),
    /// A message of that stream.
    Message(Message),
    /// Tell what is run.
    Describe(tokio::sync::oneshot::Sender<Described>),
}

/// What is run at one moment.
pub(crate) struct Described {
    pub(crate) version: Option<Version>,
    /// Everything in the table, and of routes their state.
    pub(crate) resources: Vec<(Resource, &'static str)>,
}

/// From the programmer to the stream.
pub(crate) enum Told {
    /// What became of resources.
    Outcomes(Vec<Outcome>),
    /// The snapshot is complete and served.
    Whole,
    /// Tell the controller, then drop the stream: it is not the leader that this proxy follows.
    Stale(Vec<Outcome>),
}

/// See the module.
pub(crate) struct Programmer {
    pub(crate) table: Table,
    pub(crate) listeners: Listeners,
    pub(crate) key_sets: Arc<KeySets>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) has_table: Arc<AtomicBool>,
    pub(crate) file: Option<StateFile>,
    stream: Option<mpsc::UnboundedSender<Told>>,
    /// To be told once the table is kept.
    outcomes: Vec<Outcome>,
    /// The snapshot has ended; to be told after its outcomes.
    ended: bool,
    /// The table isn't the kept one.
    unkept: bool,
    /// The last attempt to keep it failed.
    failing: bool,
}

impl Programmer {
    pub(crate) fn new(
        table: Table,
        listeners: Listeners,
        key_sets: Arc<KeySets>,
        metrics: Arc<Metrics>,
        has_table: Arc<AtomicBool>,
        file: Option<StateFile>,
    ) -> Self {
        Programmer {
            table,
            listeners,
            key_sets,
            metrics,
            has_table,
            file,
            stream: None,
            outcomes: Vec::new(),
            ended: false,
            unkept: false,
            failing: false,
        }
    }

    /// Serves a table that was kept. Its outcomes are nobody's: a controller will send its own.
    pub(crate) fn restore(&mut self, messages: Vec<Message>) {
        for message in messages {
            if let Ok(applied) = self.table.apply(message) {
                self.listeners.share(applied.shares);
                self.program(applied.steps);
            }
        }
        self.table_is_whole();
        tracing::info!(routes = self.table.len(), "serving the table of the state directory");
    }

    /// Runs until there is nobody to command.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // Kept over all commands: however many come, what is tried again has its turn.
        let mut retry = tokio::time::interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => {
                        self.take(command);
                        for _ in 1..GATHERED {
                            let Ok(command) = commands.try_recv() else { break };
                            self.take(command);
                        }
                        self.commit().await;
                    }
                    None => return,
                },
                _ = retry.tick(), if self.listeners.has_waiting() || self.unkept => {
                    if self.listeners.has_waiting() {
                        let outcomes = self.listeners.retry();
                        self.tell(Told::Outcomes(outcomes));
                    }
                    self.commit().await;
                }
            }
        }
    }

    /// Does the steps; the outcomes are true when this returns. Key sets first: a route that comes with its keys recognises
    /// callers from its first request on.
    fn program(&mut self, steps: Vec<Step>) -> Vec<Outcome> {
        let (key_sets, routes) = steps.into_iter().partition(Step::is_of_key_set);
        let mut outcomes = self.key_sets.program(key_sets);
        outcomes.extend(self.listeners.program(routes));
        outcomes
    }

    fn take(&mut self, command: Command) {
        let message = match command {
            Command::Begin(stream, version) => {
                self.stream = Some(stream);
                // They were for the stream before; this one's snapshot brings its own.
                self.outcomes.clear();
                self.ended = false;
                self.table.begin_stream();
                // A stream that has ended meanwhile doesn't mind.
                let _ = version.send(self.table.version());
                return;
            }
            Command::Message(message) => message,
            Command::Describe(to) => {
                let resources = self.table.resources().map(Kept::resource).map(|resource| {
                    let state = self.listeners.state(&resource.id);
                    (resource, state)
                });
                // Whoever asked may have left.
                let _ = to.send(Described { version: self.table.version(), resources: resources.collect() });
                return;
            }
        };
        let ends_snapshot = matches!(message, Message::SnapshotEnd(_));
        let changes = ends_snapshot || matches!(message, Message::Change(_));
        match self.table.apply(message) {
            Ok(applied) => {
                self.listeners.share(applied.shares);
                let outcomes = self.program(applied.steps);
                self.outcomes.extend(outcomes);
                // A change before any snapshot makes no table to start from.
                if applied.whole && (ends_snapshot || self.has_table.load(Ordering::Relaxed)) {
                    self.table_is_whole();
                }
                self.ended |= ends_snapshot;
                // In the middle of a snapshot, too: what a piece of it takes away is acknowledged with that piece.
                self.unkept |= self.has_table.load(Ordering::Relaxed) && changes;
            }
            Err(stale) => {
                tracing::error!(
                    followed = stale.followed,
                    claimed = stale.claimed,
                    "a controller of an earlier epoch is refused; if the controller's Lease was deleted, restart this proxy"
                );
                self.tell(Told::Stale(stale.outcomes));
            }
        }
    }

    /// Keeps what has changed, then tells what became of it. Where it can't be kept, the kept table goes: a restart then
    /// needs a controller, and what was taken away doesn't come back. Where it can't even go, nothing is told.
    async fn commit(&mut self) {
        if self.unkept
            && let Some(file) = self.file.clone()
        {
            let resources = self.table.resources().cloned().collect();
            let table = Stored { version: self.table.kept_version(), resources };
            let kept = tokio::task::spawn_blocking(move || file.save_or_discard(&table)).await;
            match kept.unwrap_or_else(|error| Err(Unkept::Stays(io::Error::other(error)))) {
                Ok(()) => {
                    self.unkept = false;
                    self.failing = false;
                }
                Err(error) => {
                    // It is tried again all the time.
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, "can't keep the route table in --state-dir; trying on");
                    }
                    if matches!(error, Unkept::Stays(_)) {
                        return;
                    }
                }
            }
        } else {
            self.unkept = false;
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        self.tell(Told::Outcomes(outcomes));
        if std::mem::take(&mut self.ended) {
            self.tell(Told::Whole);
        }
    }

    fn table_is_whole(&self) {
        self.has_table.store(true, Ordering::Relaxed);
        let version = self.table.version().unwrap_or_default();
        self.metrics.table_epoch.set(i64::try_from(version.epoch).unwrap_or(i64::MAX));
        self.metrics.table_counter.set(i64::try_from(version.counter).unwrap_or(i64::MAX));
    }

    fn tell(&mut self, told: Told) {
        if let Told::Outcomes(outcomes) = &told
            && outcomes.is_empty()
        {
            return;
        }
        if self.stream.as_ref().is_some_and(|stream| stream.send(told).is_err()) {
            self.stream = None;
        }
    }
}

/// Records when a controller was heard last, where the table's age is limited. Never ends by itself.
pub(crate) async fn record_contact(file: StateFile, contact: Arc<Contact>) {
    let mut touch = tokio::time::interval(TOUCH);
    loop {
        touch.tick().await;
        if contact.is_limited()
            && contact.is_connected()
            && let Err(error) = file.touch(SystemTime::now())
        {
            tracing::debug!(%error, "can't record the last contact");
        }
    }
}
