//! The access log: one JSON line for each request, or for some. Off the request path: a line is handed to a thread of its own,
//! and dropped (and counted) where that one can't follow. What a line may say is [`entry`]'s to decide.

mod entry;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use crate::args::AccessLogMode;

pub(crate) use entry::Entry;

/// Lines that wait to be written.
const WAITING: usize = 8 * 1024;
/// Lines are written together, up to about so many bytes.
const TOGETHER: usize = 64 * 1024;

enum Message {
    Line(Vec<u8>),
    /// Everything before this is written: say so.
    Flush(SyncSender<()>),
}

/// See the module.
pub(crate) struct AccessLog {
    /// Of all values of a number by chance, how many log. None: nothing is logged.
    below: Option<u32>,
    to: Option<SyncSender<Message>>,
    dropped: Counter,
}

impl AccessLog {
    /// Writes to the process's standard output. `sample`: which part of the requests is logged, where they are sampled.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(mode: AccessLogMode, sample: f64, dropped: Counter) -> io::Result<Self> {
        Self::start_to(io::stdout(), mode, sample, dropped)
    }

    fn start_to(
        to: impl Write + Send + 'static,
        mode: AccessLogMode,
        sample: f64,
        dropped: Counter,
    ) -> io::Result<Self> {
        let below = match mode {
            AccessLogMode::Off => return Ok(AccessLog { below: None, to: None, dropped }),
            AccessLogMode::On => u32::MAX,
            // `as` keeps within the type.
            AccessLogMode::Sampled => (sample * f64::from(u32::MAX)) as u32,
        };
        let (lines, waiting) = sync_channel(WAITING);
        thread::Builder::new().name("access-log".to_owned()).spawn(move || write(to, &waiting))?;
        Ok(AccessLog { below: Some(below), to: Some(lines), dropped })
    }

    /// Whether the request that begins now is logged.
    pub(crate) fn wants_this(&self) -> bool {
        match self.below {
            None => false,
            Some(u32::MAX) => true,
            Some(below) => rand::random::<u32>() < below,
        }
    }

    /// Logs a request that has been answered to the end. Never waits.
    pub(crate) fn log(&self, entry: &Entry) {
        let Some(to) = &self.to else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = to.try_send(Message::Line(entry.line())) {
            self.dropped.inc();
        }
    }

    /// Waits until what was logged is written, but not for ever. For the end of the process.
    pub(crate) fn flush(&self, timeout: Duration) {
        let Some(to) = &self.to else { return };
        let (done, is_done) = sync_channel(1);
        if to.try_send(Message::Flush(done)).is_ok() {
            // A writer that hangs must not keep the process.
            let _ = is_done.recv_timeout(timeout);
        }
    }
}

/// Writes what waits, together, until nobody can log any more. What can't be written is lost: there is nowhere to say it.
fn write(mut to: impl Write, waiting: &Receiver<Message>) {
    let mut lines = Vec::with_capacity(TOGETHER);
    while let Ok(first) = waiting.recv() {
        let (mut next, mut flushed) = (Some(first), Vec::new());
        while let Some(message) = next {
            match message {
                Message::Line(line) => lines.extend_from_slice(&line),
                Message::Flush(done) => flushed.push(done),
            }
            next = if lines.len() < TOGETHER { waiting.try_recv().ok() } else { None };
        }
        let _ = to.write_all(&lines).and_then(|()| to.flush());
        lines.clear();
        for done in flushed {
            let _ = done.try_send(());
        }
    }
}

#[cfg(test)]
mod tests;
