//! What a route refers to, as this leader knows it now.

use kube::ResourceExt;
use lambdaroute_crds::LambdaRoute;

use super::Reconciler;
use crate::access::{Access, References};
use crate::sources::{Need, SecretName, resolution};

impl Reconciler {
    /// What these access fields of a route refer to.
    pub(super) fn references(&self, route: &LambdaRoute, access: &Access) -> References {
        let namespace = route.namespace().unwrap_or_default();
        let needs = Need::of(&namespace, access.auth.as_ref(), access.request_headers.as_ref());
        let values = access.header_secrets().filter_map(|reference| {
            let secret = SecretName { namespace: namespace.clone(), name: reference.name.clone() };
            Some((reference.clone(), self.sources.value(&secret, &reference.key)?))
        });
        References {
            cluster_issuer: self.sources.cluster_issuer(),
            values: values.collect(),
            resolution: resolution(self.sources.problems(&needs)),
        }
    }
}
