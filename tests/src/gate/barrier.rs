//! Where held calls wait.

use std::sync::Arc;

use tokio::sync::watch;

use super::call::Seen;

/// Where held calls wait.
#[derive(Debug)]
pub(super) struct Barrier {
    pub(super) arrived: watch::Sender<Vec<Arc<Seen>>>,
    pub(super) released: watch::Sender<bool>,
}

impl Barrier {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { arrived: watch::Sender::new(Vec::new()), released: watch::Sender::new(false) })
    }

    pub(super) async fn wait(&self, seen: &Arc<Seen>) {
        self.arrived.send_modify(|arrived| arrived.push(Arc::clone(seen)));
        // The sender lives as long as this value: waiting can't fail.
        let _ = self.released.subscribe().wait_for(|released| *released).await;
    }
}
