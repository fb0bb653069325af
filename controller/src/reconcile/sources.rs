//! Between routes and the sources of their keys and secret values: what each route needs follows from its manifest and from
//! what proxies serve of it; what changes at a source makes exactly the routes due that use it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lambdaroute_crds::LambdaRoute;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::{Key, Name, Reconciler, name_of};
use crate::access::Access;
use crate::events::{self, Notice};
use crate::sources::{Need, SourceEvent};
use crate::watch::SYNC_LIMIT;

/// So many routes of one issuer are told an Event; the log has the rest.
const TOLD: usize = 20;

impl Reconciler {
    /// Before anything is given to proxies: a route that waits for its Secret's value would look like one that is removed.
    pub(super) async fn begin_sources(&self, tasks: &mut JoinSet<&'static str>) {
        for route in self.routes.state() {
            self.follow_sources(&route);
        }
        self.sources.follow(&self.setup.kubernetes.client(), &self.setup.source_args, tasks);
        self.sources.settle(SYNC_LIMIT).await;
    }

    /// Takes in what a route refers to now, in its manifest and in what proxies serve: a manifest that is refused leaves the
    /// former one served.
    pub(super) fn follow_sources(&self, route: &LambdaRoute) {
        let name = name_of(route);
        let served = self.served(route, self.live_service(route).as_ref()).map(|served| served.access);
        let needs = served
            .into_iter()
            .chain([Access::of(&route.spec)])
            .flat_map(|access| Need::of(&name.0, access.auth.as_ref(), access.request_headers.as_ref()));
        self.sources.want(&name, needs.collect());
    }

    pub(super) async fn feed_sources(self: Arc<Self>, mut events: UnboundedReceiver<SourceEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                SourceEvent::Changed(routes) => {
                    for name in routes {
                        self.queue.add(Key::Route(name));
                    }
                }
                SourceEvent::RefreshFails(routes, issuer, error) => {
                    self.tell_users(routes, &events::keys_not_refreshed(&issuer, error)).await;
                }
                SourceEvent::RefreshWorks(routes, issuer) => {
                    self.tell_users(routes, &events::keys_refreshed(&issuer)).await;
                }
            }
        }
    }

    async fn tell_users(&self, routes: BTreeSet<Name>, notice: &Notice) {
        for route in routes.iter().take(TOLD).filter_map(|name| self.route(name)) {
            self.setup.kubernetes.tell(&route, notice).await;
        }
    }
}
