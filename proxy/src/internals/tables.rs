//! A route table that takes messages as they come off the wire, and what the proxy makes of them: everything but listeners.

use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::ToProxy;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use prost::Message;

use crate::key_sets::KeySets;
use crate::limit::registry::Limits;
use crate::metrics::Metrics;
use crate::served_route::ServedRoute;
use crate::table::{SUPPORTED, Step, Table};

/// See the module.
pub struct Tables {
    table: Table,
    key_sets: KeySets,
    limits: Limits,
    metrics: Metrics,
}

impl Default for Tables {
    fn default() -> Self {
        Tables {
            table: Table::new(SUPPORTED),
            key_sets: KeySets::default(),
            limits: Limits::new(100),
            metrics: Metrics::new(),
        }
    }
}

impl Tables {
    /// Takes an encoded `ToProxy`; says how many routes were made ready to serve of it.
    pub fn take(&mut self, message: &[u8]) -> usize {
        let Some(message) = ToProxy::decode(message).ok().and_then(|to_proxy| to_proxy.message) else { return 0 };
        let Ok(applied) = self.table.apply(message) else { return 0 };
        for step in applied.shares {
            self.limits.set_share(step, Instant::now());
        }
        applied.steps.into_iter().filter(|step| self.serve(step)).count()
    }

    fn serve(&self, step: &Step) -> bool {
        if step.is_of_key_set() {
            self.key_sets.program(vec![step.clone()]);
            return false;
        }
        let Step::Serve(_, resource, _) = step else { return false };
        let Some(Kind::Route(route)) = &resource.resource else { return false };
        let metrics = self.metrics.route(&route.namespace, &route.name);
        let id = resource.id.as_str().into();
        let limits = self.limits.of_route(&id, route, Instant::now());
        limits.is_ok_and(|limits| ServedRoute::new(&id, route, None, metrics, limits, &self.key_sets, None).is_ok())
    }
}
