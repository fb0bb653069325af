//! What a failed run leaves to read: the state and the logs of every Pod of the suite's namespaces, routes and Events.

use std::fmt::Write;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, LogParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::LambdaRoute;

/// Writes it below `directory`. What can't be read isn't there: the failure itself is what matters.
pub(crate) async fn gather(client: &Client, namespaces: &[&str], directory: &Path) -> anyhow::Result<()> {
    tokio::fs::create_dir_all(directory).await?;
    for namespace in namespaces {
        let mut text = String::new();
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await?.items {
            let name = pod.name_any();
            writeln!(text, "pod {name}: {}", serde_json::to_string(&pod.status)?)?;
            for previous in [false, true] {
                let wanted = LogParams { previous, ..LogParams::default() };
                if let Ok(log) = pods.logs(&name, &wanted).await {
                    let kind = if previous { "previous.log" } else { "log" };
                    tokio::fs::write(directory.join(format!("{namespace}.{name}.{kind}")), log).await?;
                }
            }
        }
        let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
        for route in routes.list(&ListParams::default()).await.into_iter().flat_map(|list| list.items) {
            writeln!(text, "route {}: {}", route.name_any(), serde_json::to_string(&route.status)?)?;
        }
        let events: Api<Event> = Api::namespaced(client.clone(), namespace);
        for event in events.list(&ListParams::default()).await?.items {
            let about = event.regarding.and_then(|object| object.name).unwrap_or_default();
            let (reason, note) = (event.reason.unwrap_or_default(), event.note.unwrap_or_default());
            writeln!(text, "event {about}: {reason}: {note}")?;
        }
        tokio::fs::write(directory.join(format!("{namespace}.txt")), text).await?;
    }
    Ok(())
}
