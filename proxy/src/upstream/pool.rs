//! Idle connections to function URLs, of one worker alone. The one used last is used next, so that those too many grow old
//! and are closed. AWS doesn't say how long it keeps an idle connection: ours go before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::origin::Origin;
use crate::request_body::RequestBody;

/// Shorter than what any load balancer of AWS is known to keep.
pub(super) const IDLE: Duration = Duration::from_secs(20);
/// How often old ones are looked for.
const REAP: Duration = Duration::from_secs(5);

pub(super) type Sender = SendRequest<RequestBody>;

struct Idle {
    sender: Sender,
    since: Instant,
}

#[derive(Default)]
struct Kept {
    by_origin: HashMap<Arc<Origin>, Vec<Idle>>,
    /// A task looks for old ones; it ends with the last connection.
    reaped: bool,
}

/// See the module. Its lock is never contended: nobody but its worker has it, and it is never held over an await.
#[derive(Default)]
pub(super) struct Pool {
    kept: Mutex<Kept>,
}

impl Pool {
    /// A connection that is open and has nothing to do.
    pub(super) fn take(&self, origin: &Arc<Origin>) -> Option<Sender> {
        let mut kept = self.kept();
        let idle = kept.by_origin.get_mut(origin)?;
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            let sender = &idle[at].sender;
            if sender.is_closed() {
                idle.remove(at);
            } else if sender.is_ready() {
                return Some(idle.remove(at).sender);
            }
            // Else it has just been given back, and its task hasn't run since.
        }
        None
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(super) fn give_back(self: &Arc<Self>, origin: &Arc<Origin>, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let idle = Idle { sender, since: Instant::now() };
        let mut kept = self.kept();
        match kept.by_origin.get_mut(origin) {
            Some(others) => others.push(idle),
            None => {
                kept.by_origin.insert(origin.clone(), vec![idle]);
            }
        }
        if !std::mem::replace(&mut kept.reaped, true) {
            tokio::spawn(reap(Arc::downgrade(self)));
        }
    }

    /// Closes those that have been idle for too long. Whether there are any left.
    fn drop_old(&self, now: Instant) -> bool {
        let mut kept = self.kept();
        kept.by_origin.retain(|_, idle| {
            idle.retain(|idle| now.duration_since(idle.since) < IDLE && !idle.sender.is_closed());
            !idle.is_empty()
        });
        kept.reaped = !kept.by_origin.is_empty();
        kept.reaped
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reap(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(REAP).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.drop_old(Instant::now()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
