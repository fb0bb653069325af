//! Watches: LambdaRoutes, the Services that are ours (the server filters them), LambdaAccessPolicies and the namespaces'
//! metadata. One bad object never stalls a watch: a LambdaRoute whose spec can't be read is still known by uid and status, so
//! that it can be deleted; a policy that can't be read allows nothing.

use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaAccessPolicySpec, LambdaRoute};
use serde_json::Value;

use crate::service::MANAGED_BY;

/// Set, in memory only, on a LambdaRoute whose spec can't be read: why.
pub const UNREADABLE: &str = "lambdaroute.dev/unreadable";

/// What a watch says of one object.
#[derive(Clone, Debug)]
pub enum Seen<K> {
    /// It is as this.
    Present(K),
    /// It is gone.
    Gone(K),
    /// The list has begun again or has come to its end: whatever is known may have changed.
    Relisted,
}

fn seen<K>(event: Event<K>) -> Option<Seen<K>> {
    match event {
        Event::Apply(object) | Event::InitApply(object) => Some(Seen::Present(object)),
        Event::Delete(object) => Some(Seen::Gone(object)),
        Event::Init => None,
        Event::InitDone => Some(Seen::Relisted),
    }
}

/// LambdaRoutes, of one namespace or of all, kept in `writer`'s store.
pub fn routes(
    client: Client,
    namespace: Option<&str>,
    writer: Writer<LambdaRoute>,
) -> impl Stream<Item = Seen<LambdaRoute>> + Send + 'static {
    let kind = ApiResource::erase::<LambdaRoute>(&());
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind),
        None => Api::all_with(client, &kind),
    };
    let stream = watcher::watcher(api, watcher::Config::default()).map_ok(|event| map(event, readable));
    reflector(writer, logged(stream.default_backoff(), "LambdaRoutes"))
        .filter_map(|event| async move { seen(event.ok()?) })
}

/// Our Services, kept in `writer`'s store.
pub fn services(
    client: Client,
    namespace: Option<&str>,
    writer: Writer<Service>,
) -> impl Stream<Item = Seen<Service>> + Send + 'static {
    let api: Api<Service> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let ours = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let stream = watcher::watcher(api, ours);
    reflector(writer, logged(stream.default_backoff(), "Services")).filter_map(|event| async move { seen(event.ok()?) })
}

/// All LambdaAccessPolicies, kept in `writer`'s store.
pub fn access_policies(
    client: Client,
    writer: Writer<LambdaAccessPolicy>,
) -> impl Stream<Item = Seen<LambdaAccessPolicy>> + Send + 'static {
    let api: Api<DynamicObject> = Api::all_with(client, &ApiResource::erase::<LambdaAccessPolicy>(&()));
    let stream = watcher::watcher(api, watcher::Config::default()).map_ok(|event| map(event, readable_policy));
    reflector(writer, logged(stream.default_backoff(), "LambdaAccessPolicies"))
        .filter_map(|event| async move { seen(event.ok()?) })
}

/// The labels of one namespace or of all, kept in `writer`'s store; nothing else of them.
pub fn namespaces(
    client: Client,
    namespace: Option<&str>,
    writer: Writer<PartialObjectMeta<Namespace>>,
) -> impl Stream<Item = Seen<PartialObjectMeta<Namespace>>> + Send + 'static {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let config = watcher::Config::default();
    let config = match namespace {
        Some(namespace) => config.fields(&format!("metadata.name={namespace}")),
        None => config,
    };
    let stream = watcher::watcher(api, config).modify(|namespace| {
        namespace.metadata.managed_fields = None;
        namespace.metadata.annotations = None;
    });
    reflector(writer, logged(stream.default_backoff(), "Namespaces"))
        .filter_map(|event| async move { seen(event.ok()?) })
}

fn logged<K>(
    stream: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send + 'static,
    what: &'static str,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send + 'static {
    stream.inspect_err(move |error| tracing::warn!(%error, "the watch of {what} broke; it begins again"))
}

fn map<A, B>(event: Event<A>, f: impl Fn(A) -> B) -> Event<B> {
    match event {
        Event::Apply(object) => Event::Apply(f(object)),
        Event::Delete(object) => Event::Delete(f(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(f(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// The object as our type; if its spec or status can't be read, what of it can.
pub fn readable(object: DynamicObject) -> LambdaRoute {
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Null);
    let status = object.data.get("status").cloned().unwrap_or(Value::Null);
    let mut route = LambdaRoute { metadata: object.metadata, ..LambdaRoute::new("", Default::default()) };
    route.annotations_mut().remove(UNREADABLE);
    match serde_json::from_value(spec) {
        Ok(spec) => route.spec = spec,
        Err(error) => {
            route.annotations_mut().insert(UNREADABLE.to_owned(), error.to_string());
        }
    }
    route.status = serde_json::from_value(status).ok();
    route
}

/// The object as our type; one that can't be read counts as a policy that lets nobody in.
pub fn readable_policy(object: DynamicObject) -> LambdaAccessPolicy {
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Null);
    let spec = serde_json::from_value(spec).unwrap_or_else(|error| {
        let policy = object.metadata.name.as_deref().unwrap_or_default();
        tracing::warn!(policy, %error, "a LambdaAccessPolicy can't be read, and allows nothing");
        LambdaAccessPolicySpec::default()
    });
    LambdaAccessPolicy { metadata: object.metadata, spec }
}

/// How long a store may take to be filled at first.
pub const SYNC_LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
