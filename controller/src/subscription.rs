//! Brings the table's events to the reconciler: each kept once until it is taken, so that neither is lost nor memory grows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use crate::programming::TableEvent;

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<BTreeSet<TableEvent>>,
    added: Notify,
}

/// Receives the table's events from the subscription on.
#[derive(Debug)]
pub struct Subscription(Arc<Shared>);

impl Subscription {
    /// The next event; waits for one. Events that are equal and not taken yet are one. Can be dropped without loss.
    pub async fn recv(&mut self) -> TableEvent {
        let shared = self.0.clone();
        loop {
            let added = shared.added.notified();
            if let Some(event) = self.try_recv() {
                return event;
            }
            added.await;
        }
    }

    /// The next event, if there is one.
    pub fn try_recv(&mut self) -> Option<TableEvent> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }
}

/// All who listen.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<Vec<Weak<Shared>>>);

impl Subscriptions {
    pub(crate) fn subscribe(&self) -> Subscription {
        let shared = Arc::new(Shared::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&shared));
        Subscription(shared)
    }

    pub(crate) fn tell(&self, event: &TableEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| {
            let Some(listener) = listener.upgrade() else { return false };
            listener.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(event.clone());
            listener.added.notify_one();
            true
        });
    }
}
