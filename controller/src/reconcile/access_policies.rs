//! What the platform team allows, kept as it is now: a changed policy or label makes exactly the routes due that it may be about.

use std::pin::pin;
use std::sync::{Arc, PoisonError};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::Store;
use lambdaroute_crds::{LambdaAccessPolicy, LambdaRoute};

use super::{Key, ReconcileArgs, Reconciler};
use crate::access_policy::{AccessPolicies, Labels};
use crate::assess::{Installation, assess};
use crate::intent::{key, lost_permission, recorded};
use crate::priority::Priority;
use crate::service;
use crate::target::FunctionTarget;
use crate::watch::Seen;

type NamespaceMeta = PartialObjectMeta<Namespace>;

/// What the stores have.
pub(super) fn all(
    args: &ReconcileArgs,
    policies: &Store<LambdaAccessPolicy>,
    namespaces: &Store<NamespaceMeta>,
) -> AccessPolicies {
    AccessPolicies::default()
        .allowing_all(args.allow_all)
        .requiring_one(args.require_access_policy)
        .with_policies(policies.state().iter().map(Arc::as_ref))
        .with_namespaces(namespaces.state().iter().map(|namespace| (namespace.name_any(), labels(namespace))))
}

fn labels(namespace: &NamespaceMeta) -> Labels {
    namespace.labels().clone()
}

impl Reconciler {
    pub(super) async fn feed_policies(self: Arc<Self>, events: impl Stream<Item = Seen<LambdaAccessPolicy>>) {
        let mut events = pin!(events);
        while let Some(_event) = events.next().await {
            let policies = self.policies.state();
            self.change_policies(|_| true, |known| known.with_policies(policies.iter().map(Arc::as_ref)));
        }
    }

    pub(super) async fn feed_namespaces(self: Arc<Self>, events: impl Stream<Item = Seen<NamespaceMeta>>) {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            let (name, labels) = match event {
                Seen::Present(namespace) => (namespace.name_any(), Some(labels(&namespace))),
                Seen::Gone(namespace) => (namespace.name_any(), None),
                // What went while the watch was broken has no event of its own.
                Seen::Relisted => {
                    let args = &self.setup.args;
                    self.change_policies(|_| true, |_| all(args, &self.policies, &self.namespaces));
                    continue;
                }
            };
            self.change_policies(|namespace| namespace == name, |known| known.with_namespace(&name, labels));
            self.hasten(&name);
        }
    }

    /// Has the routes of these namespaces looked at of which something else holds now, and the targets that they concern.
    fn change_policies(&self, of: impl Fn(&str) -> bool, change: impl FnOnce(AccessPolicies) -> AccessPolicies) {
        let (before, after) = {
            let mut installation = self.installation.write().unwrap_or_else(PoisonError::into_inner);
            let before = installation.clone();
            installation.access_policies = change(before.access_policies.clone());
            (before, installation.clone())
        };
        if before.access_policies == after.access_policies {
            return;
        }
        for route in self.routes.state().into_iter().filter(|route| route.namespace().is_some_and(|it| of(&it))) {
            if self.is_news(&route, &before, &after) {
                tracing::info!(route = %key(&route), "what the route may do has changed");
                for target in self.note(&route) {
                    self.queue.add_as(Key::Target(target), Priority::Change);
                }
            }
        }
    }

    fn is_news(&self, route: &LambdaRoute, before: &Installation, after: &Installation) -> bool {
        let live = self.live_service(route);
        let pin = live.as_ref().and_then(|live| live.annotations().get(service::TARGET)).map(String::as_str);
        let (was, is) = (assess(route, before, pin), assess(route, after, pin));
        let served = self.served(route, live.as_ref());
        let lost = |target: &FunctionTarget, assessment| lost_permission(route, target, assessment, served.as_ref());
        was.refused != is.refused
            || was.target != is.target
            || recorded(route)
                .iter()
                .filter_map(|entry| FunctionTarget::parse_arn(&entry.function_arn))
                .any(|target| lost(&target, &was) != lost(&target, &is))
    }
}
