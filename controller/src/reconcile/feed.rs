//! Everything that makes a key due: watches, the route table's events, and ports that have rested.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use lambdaroute_crds::LambdaRoute;
use tokio::time::Instant;

use super::{Key, Reconciler, lock, name_of};
use crate::programming::{RouteId, TableEvent};
use crate::rest::{asked, asks};
use crate::watch::Seen;

/// Why a LambdaRoute's Service concerns it: its owner.
fn owner(service: &Service) -> Option<super::Name> {
    let owner = service.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    (owner.kind == "LambdaRoute").then(|| (service.namespace().unwrap_or_default(), owner.name.clone()))
}

impl Reconciler {
    pub(super) async fn feed_routes(self: Arc<Self>, events: impl Stream<Item = Seen<LambdaRoute>>) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Seen::Present(route) => {
                    self.note(&route);
                    self.asked_for(&route);
                }
                Seen::Gone(route) => self.gone(&name_of(&route), &route.uid().unwrap_or_default()),
                Seen::Relisted => self.relisted(),
            }
        }
    }

    fn asked_for(&self, route: &LambdaRoute) {
        let Some(asked) = asked(route).filter(|_| asks(route)) else { return };
        let name = name_of(route);
        {
            let mut memory = lock(&self.memory);
            let memory = memory.entry(name.clone()).or_default();
            if memory.asked.as_ref().is_some_and(|(known, _)| *known == asked) {
                return;
            }
            memory.asked = Some((asked, jiff::Timestamp::now()));
        }
        let targets = lock(&self.index).targets(&name);
        for target in targets {
            // One that this leader never looked at is looked at anyway.
            if let Some(memory) = lock(&self.targets).get_mut(&target).filter(|memory| memory.asked.is_some()) {
                memory.schedule.ask(Instant::now().into_std());
            }
            self.queue.targets.forget(&target);
            self.queue.add(Key::Target(target));
        }
    }

    fn gone(&self, name: &super::Name, uid: &str) {
        let targets = lock(&self.index).remove(name, uid);
        self.sources.want(name, BTreeSet::new());
        self.setup.metrics.deletion_blocked(name, false);
        self.queue.add(Key::Route(name.clone()));
        for target in targets {
            self.queue.add(Key::Target(target));
        }
    }

    /// What went while the watch was broken has no event of its own.
    fn relisted(&self) {
        let known: Vec<(super::Name, String)> =
            lock(&self.memory).iter().map(|(name, memory)| (name.clone(), memory.uid.clone())).collect();
        for (name, uid) in known {
            if self.route(&name).is_none_or(|route| route.uid().as_deref() != Some(&uid)) {
                self.gone(&name, &uid);
                if let Some(route) = self.route(&name) {
                    self.note(&route);
                }
            }
        }
    }

    pub(super) async fn feed_services(self: Arc<Self>, events: impl Stream<Item = Seen<Service>>) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            let (Seen::Present(service) | Seen::Gone(service)) = event else {
                self.services_relisted();
                continue;
            };
            let Some(name) = owner(&service) else { continue };
            if let Some(memory) = lock(&self.memory).get_mut(&name) {
                memory.service = None;
            }
            self.queue.add(Key::Route(name));
        }
    }

    /// A Service that went while the watch was broken has no event of its own, not even one that this leader wrote and the
    /// watch never showed: what was written is believed no longer.
    fn services_relisted(&self) {
        let known: Vec<super::Name> = {
            let mut memory = lock(&self.memory);
            memory.values_mut().for_each(|memory| memory.service = None);
            memory.keys().cloned().collect()
        };
        for name in known {
            if self.route(&name).is_some_and(|route| self.live_service(&route).is_none()) {
                self.queue.add(Key::Route(name));
            }
        }
    }

    pub(super) async fn feed_table(self: Arc<Self>) {
        let mut events = self.setup.table.subscribe();
        loop {
            match events.recv().await {
                TableEvent::Programming(id) => self.add_route(&id),
                TableEvent::UpstreamCause { id, cause } => {
                    let Some(name) = lock(&self.index).name(&id.0) else { continue };
                    tracing::info!(route = %format!("{}/{}", name.0, name.1), cause = cause.as_str(), "a proxy reports refusals by AWS");
                    let targets = lock(&self.index).targets(&name);
                    for target in targets {
                        self.reported(&target);
                    }
                }
                TableEvent::Identities => {
                    for route in self.routes.state() {
                        self.queue.add(Key::Route(name_of(&*route)));
                    }
                }
                TableEvent::StaleKeySet(id) => self.sources.unknown_key(&id),
                // What is wanted follows from the routes themselves.
                TableEvent::KeySets => {}
            }
        }
    }

    fn add_route(&self, id: &RouteId) {
        let name = lock(&self.index).name(&id.0);
        if let Some(name) = name {
            self.queue.add(Key::Route(name));
        }
    }

    /// Looks every few seconds whether ports have rested enough.
    pub(super) async fn wake_ports(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let table = &self.setup.table;
            if let Err(error) = self.ports.wake(jiff::Timestamp::now(), |id| table.removed_everywhere(id)).await {
                tracing::warn!(%error, "ports rest on");
            }
        }
    }
}
