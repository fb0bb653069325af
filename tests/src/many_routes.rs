//! Many routes at once: what bringing them up costs the controller in calls, time, memory and CPU.

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use lambdaroute_crds::LambdaRoute;

use crate::functions::Handler;
use crate::stack::{Calls, Stack};
use crate::usage::{Group, Usage};

/// So many requests of ours are under way at once.
const AT_ONCE: usize = 8;

/// How many.
#[derive(Clone, Copy, Debug)]
pub struct ManyRoutes {
    /// LambdaRoutes.
    pub routes: usize,
    /// Functions that they share evenly.
    pub functions: usize,
}

/// What it took.
#[derive(Clone, Debug)]
pub struct Cost {
    /// From the first apply until the last route is Ready.
    pub ready: Duration,
    /// The controller's calls to AWS.
    pub calls: Calls,
    /// Its requests to the API server, by method and resource.
    pub requests: BTreeMap<String, usize>,
    /// The controller's memory and CPU, from its start.
    pub usage: Usage,
}

impl ManyRoutes {
    /// Deploys the functions, applies the routes and waits until all are Ready.
    ///
    /// # Errors
    /// When something fails, or not all are Ready `within` the time; the error names some that aren't.
    pub async fn bring_up(&self, stack: &Stack, within: Duration) -> anyhow::Result<Cost> {
        let functions: Vec<String> =
            (0..self.functions).map(|number| format!("{}-{number}", stack.cluster_id)).collect();
        stream::iter(&functions)
            .map(|name| async move { stack.deploy(&format!("fn-{name}"), Handler::Echo).await.map(drop) })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        let begun = Instant::now();
        let apply = stream::iter(0..self.routes)
            .map(|number| {
                let function = &functions[number % self.functions];
                let spec = format!("{{function: {{name: fn-{function}}}}}");
                async move { stack.route(&name(number), &spec).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>();
        let (applied, ready) = tokio::join!(apply, tokio::time::timeout(within, self.all_ready(stack)));
        applied?;
        ready.map_err(|_| anyhow::anyhow!("not all routes were Ready within {within:?}"))??;
        let ready = begun.elapsed();
        let usage = Group(stack.controller_process(0).context("the controller isn't running")?).usage()?;
        Ok(Cost { ready, calls: stack.controller_calls(None), requests: stack.controller_requests(), usage })
    }

    async fn all_ready(&self, stack: &Stack) -> anyhow::Result<()> {
        let api: Api<LambdaRoute> = Api::namespaced(stack.client(), &stack.namespace);
        let mut routes = pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
        let mut ready = HashSet::new();
        while let Some(route) = routes.next().await {
            // A watch that breaks begins anew.
            let Ok(route) = route else { continue };
            if is_ready(&route) {
                ready.insert(route.metadata.name.unwrap_or_default());
            }
            if ready.len() == self.routes {
                return Ok(());
            }
        }
        bail!("the watch of the routes ended")
    }
}

fn name(number: usize) -> String {
    format!("route-{number}")
}

fn is_ready(route: &LambdaRoute) -> bool {
    route.status.as_ref().is_some_and(|status| {
        status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    })
}
