//! Stands for the other half until it is merged.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use crate::programming::{DesiredRoute, Identities, Programming, RouteId, TableEvent};
use tokio::time::Instant;

use std::sync::{Arc, Mutex};
#[derive(Clone, Debug, Default)]
pub struct RouteTable(Arc<Mutex<std::collections::BTreeMap<RouteId, DesiredRoute>>>);
pub struct Subscription;
impl Subscription {
    pub async fn recv(&mut self) -> TableEvent {
        std::future::pending().await
    }
}
impl RouteTable {
    pub fn prime(&self, rs: Vec<DesiredRoute>) {
        for r in rs {
            self.set(r)
        }
    }
    pub fn set(&self, r: DesiredRoute) {
        let old = self.0.lock().unwrap().insert(r.id.clone(), r.clone());
        if old.as_ref() != Some(&r) {
            tracing::info!(?r, "TABLE SET");
        }
    }
    pub fn remove(&self, id: &RouteId) {
        if self.0.lock().unwrap().remove(id).is_some() {
            tracing::info!(%id, "TABLE REMOVE");
        }
    }
    pub fn programming(&self, id: &RouteId) -> Programming {
        if self.0.lock().unwrap().contains_key(id) { Programming::Programmed } else { Programming::Pending }
    }
    pub fn removed_everywhere(&self, _: &RouteId) -> bool {
        true
    }
    pub fn identities(&self) -> Identities {
        Identities { arns: vec!["arn:aws:sts::111122223333:assumed-role/proxies/x".into()], errors: vec![] }
    }
    pub fn subscribe(&self) -> Subscription {
        Subscription
    }
}
#[derive(Clone, Debug)]
pub struct Leadership;
impl Leadership {
    pub fn deadline(&self) -> Instant {
        Instant::now() + std::time::Duration::from_secs(10)
    }
}
