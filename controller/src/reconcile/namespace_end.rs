//! The end of a namespace: what keeps it from going is tried again soon, since somebody waits for it.

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use lambdaroute_crds::LambdaRoute;

use super::target::SOON;
use super::{Key, Reconciler};
use crate::intent::deleting;
use crate::priority::Priority;

impl Reconciler {
    /// Whether the route's namespace is being deleted, and waits for it.
    pub(super) fn namespace_goes(&self, route: &LambdaRoute) -> bool {
        self.goes(&route.namespace().unwrap_or_default())
    }

    /// Deletions that were blocked before the namespace began to go needn't wait as long any more.
    pub(super) fn hasten(&self, namespace: &str) {
        if !self.goes(namespace) {
            return;
        }
        let routes = self.routes.state();
        for route in routes.iter().filter(|route| route.namespace().as_deref() == Some(namespace) && deleting(route)) {
            for target in self.targets_of(route, &self.installation()) {
                self.queue.add_after(Key::Target(target), SOON, Priority::Drift);
            }
        }
    }

    fn goes(&self, namespace: &str) -> bool {
        let known = self.namespaces.get(&ObjectRef::new(namespace));
        known.is_some_and(|known| known.metadata.deletion_timestamp.is_some())
    }
}
