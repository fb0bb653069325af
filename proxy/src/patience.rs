//! How long a caller may leave an answer waiting that is there for it. Time counts only while the caller is waited for; what
//! it takes buys it more. So one who takes a byte now and then can't keep a permit, an upstream connection and a buffer for
//! as long as it likes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes a second that a caller must take in the long run, while an answer waits for it: what a request's body must come
/// in with, too.
pub(crate) const SLOWEST: u32 = 1024;

/// See the module.
pub(crate) struct Patience {
    most: Duration,
    left: Duration,
    /// Since when the caller is waited for.
    waiting: Option<Instant>,
    /// Made at the first wait: most callers are never waited for.
    end: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// `most`: the longest pause.
    pub(crate) fn new(most: Duration) -> Self {
        Patience { most, left: most, waiting: None, end: None }
    }

    /// The caller took so many bytes.
    pub(crate) fn took(&mut self, bytes: usize) {
        self.rest();
        if self.left < self.most {
            let bought = Duration::from_secs_f64(bytes as f64 / f64::from(SLOWEST));
            self.left = self.left.saturating_add(bought).min(self.most);
        }
    }

    /// It isn't the caller who is waited for.
    pub(crate) fn rest(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    /// The caller is waited for. Ready when that has been long enough.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let begins = self.waiting.is_none();
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let end = self.end.get_or_insert_with(|| Box::pin(sleep_until(since + left)));
        if begins {
            end.as_mut().reset(since + left);
        }
        end.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests;
