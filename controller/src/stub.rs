//! Stands for the other half until it is merged.
#![allow(missing_docs)]

use crate::programming::{DesiredRoute, Identities, Programming, RouteId, TableEvent};
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub struct RouteTable;
pub struct Subscription;
impl Subscription {
    pub async fn recv(&mut self) -> TableEvent {
        std::future::pending().await
    }
}
impl RouteTable {
    pub fn prime(&self, _: Vec<DesiredRoute>) {}
    pub fn set(&self, _: DesiredRoute) {}
    pub fn remove(&self, _: &RouteId) {}
    pub fn programming(&self, _: &RouteId) -> Programming {
        Programming::Pending
    }
    pub fn removed_everywhere(&self, _: &RouteId) -> bool {
        true
    }
    pub fn identities(&self) -> Identities {
        Identities::default()
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
