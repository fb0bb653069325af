//! Everything that the API server lists, by kind and name: what an uninstall leaves is the difference of two inventories.

use std::collections::BTreeSet;

use anyhow::Context;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client};

/// `group/Kind namespace/name` of all cluster-scoped objects and of those in `namespaces`. Events aren't in it.
pub(crate) async fn inventory(client: &Client, namespaces: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let discovery = Discovery::new(client.clone()).run().await.context("ask the API server what kinds there are")?;
    let mut found = BTreeSet::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if !capabilities.supports_operation(verbs::LIST) || resource.kind == "Event" {
                continue;
            }
            match capabilities.scope {
                Scope::Cluster => found.extend(names(Api::all_with(client.clone(), &resource), &resource).await?),
                Scope::Namespaced => {
                    for namespace in namespaces {
                        let api = Api::namespaced_with(client.clone(), namespace, &resource);
                        found.extend(names(api, &resource).await?);
                    }
                }
            }
        }
    }
    Ok(found)
}

async fn names(api: Api<DynamicObject>, resource: &ApiResource) -> anyhow::Result<Vec<String>> {
    let list = match api.list_metadata(&ListParams::default()).await {
        Ok(list) => list,
        // The kind went between discovery and here.
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("list {}", resource.plural)),
    };
    let line = |namespace: Option<String>, name: Option<String>| {
        format!("{}/{} {}/{}", resource.group, resource.kind, namespace.unwrap_or_default(), name.unwrap_or_default())
    };
    Ok(list.items.into_iter().map(|object| line(object.metadata.namespace, object.metadata.name)).collect())
}
