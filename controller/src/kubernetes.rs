//! Writes in Kubernetes, one request each. Every change carries the uid and resourceVersion that were observed, so that what
//! another leader or person did meanwhile is never overwritten. Nothing here decides.

use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use lambdaroute_crds::{FINALIZER, LambdaRoute, LambdaRouteStatus, Target};
use serde_json::{Value, json};

use crate::events::{self, Notice};
use crate::service::{self, Change, MANAGER};
use crate::{status, watch};

mod error;
pub mod port_book;

pub use error::{KubeError, namespace_goes};

use error::{APPLY_SERVICE, CREATE_SERVICE, REPLACE_SERVICE, code, failed};

/// The field manager of status.
pub const STATUS_MANAGER: &str = "lambdaroute-controller-status";

/// What became of a POST.
#[derive(Debug)]
pub enum Created {
    /// It is there, and it is the route's.
    Ours(Box<Service>),
    /// Somebody else's has the name.
    Taken,
}

/// The client.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    instance: String,
}

impl Kubernetes {
    /// `instance` names this replica in Events.
    pub fn new(client: Client, instance: String) -> Self {
        Self { client, instance }
    }

    /// The client itself, for watches.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Untyped: a manifest of another version, which can't be read, is written to all the same.
    fn routes(&self, route: &LambdaRoute) -> Api<DynamicObject> {
        let kind = ApiResource::erase::<LambdaRoute>(&());
        Api::namespaced_with(self.client.clone(), &route.namespace().unwrap_or_default(), &kind)
    }

    fn services(&self, route: &LambdaRoute) -> Api<Service> {
        Api::namespaced(self.client.clone(), &route.namespace().unwrap_or_default())
    }

    async fn set_finalizers(
        &self,
        operation: &'static str,
        route: &LambdaRoute,
        finalizers: Vec<String>,
    ) -> Result<LambdaRoute, KubeError> {
        let patch = json!({"metadata": {
            "uid": route.uid(), "resourceVersion": route.resource_version(), "finalizers": finalizers,
        }});
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let written = self.routes(route).patch(&route.name_any(), &params, &Patch::Merge(patch)).await;
        written.map(watch::readable).map_err(failed(operation))
    }

    /// Adds our finalizer.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn add_finalizer(&self, route: &LambdaRoute) -> Result<LambdaRoute, KubeError> {
        let mut finalizers = route.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        self.set_finalizers("add the finalizer", route, finalizers).await
    }

    /// Removes our finalizer.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn remove_finalizer(&self, route: &LambdaRoute) -> Result<LambdaRoute, KubeError> {
        let finalizers = route.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        self.set_finalizers("remove the finalizer", route, finalizers).await
    }

    /// The object as it is now, if it is the same one.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn fresh(&self, known: &LambdaRoute) -> Result<Option<LambdaRoute>, KubeError> {
        let fresh = self.routes(known).get_opt(&known.name_any()).await.map_err(failed("read the LambdaRoute"))?;
        Ok(fresh.map(watch::readable).filter(|fresh| fresh.uid() == known.uid()))
    }

    /// The same, if it has the same manifest and isn't being deleted.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn again(&self, known: &LambdaRoute) -> Result<Option<LambdaRoute>, KubeError> {
        let fresh = self.fresh(known).await?;
        Ok(fresh.filter(|fresh| {
            fresh.metadata.generation == known.metadata.generation && fresh.metadata.deletion_timestamp.is_none()
        }))
    }

    async fn patch_status(
        &self,
        operation: &'static str,
        route: &LambdaRoute,
        patch: Value,
    ) -> Result<LambdaRoute, KubeError> {
        let params = PatchParams { field_manager: Some(STATUS_MANAGER.to_owned()), ..PatchParams::default() };
        self.routes(route)
            .patch_status(&route.name_any(), &params, &Patch::Merge(patch))
            .await
            .map(watch::readable)
            .map_err(failed(operation))
    }

    /// Writes `status.targets`.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn set_targets(&self, route: &LambdaRoute, targets: &[Target]) -> Result<LambdaRoute, KubeError> {
        let patch = json!({
            "metadata": {"uid": route.uid(), "resourceVersion": route.resource_version()},
            "status": {"targets": targets},
        });
        self.patch_status("write status.targets", route, patch).await
    }

    /// Writes the whole status.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn set_status(&self, route: &LambdaRoute, next: &LambdaRouteStatus) -> Result<LambdaRoute, KubeError> {
        self.patch_status("write the status", route, status::patch(route, next)).await
    }

    /// Creates the route's Service. Never merges into one that is there.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn create_service(&self, route: &LambdaRoute, wanted: &Service) -> Result<Created, KubeError> {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match self.services(route).create(&params, wanted).await {
            Ok(live) => Ok(Created::Ours(Box::new(live))),
            Err(error) if code(&error) == Some(409) => {
                let live = self.services(route).get(&wanted.name_any()).await.map_err(failed("read the Service"))?;
                let ours = route.uid().is_some_and(|uid| service::is_ours(&live, &uid));
                Ok(if ours { Created::Ours(Box::new(live)) } else { Created::Taken })
            }
            Err(source) => Err(KubeError { operation: CREATE_SERVICE, source }),
        }
    }

    /// The Service of the route's name, whoever's it is.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn service(&self, route: &LambdaRoute) -> Result<Option<Service>, KubeError> {
        self.services(route).get_opt(&service::name(route)).await.map_err(failed("read the Service"))
    }

    /// Brings the route's Service to what it should be.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn change_service(
        &self,
        route: &LambdaRoute,
        live: &Service,
        wanted: &Service,
        change: Change,
    ) -> Result<Service, KubeError> {
        match change {
            Change::Apply => {
                let mut apply = wanted.clone();
                apply.metadata.uid = live.uid();
                apply.metadata.resource_version = live.resource_version();
                let params = PatchParams::apply(MANAGER).force();
                self.services(route)
                    .patch(&live.name_any(), &params, &Patch::Apply(&apply))
                    .await
                    .map_err(failed(APPLY_SERVICE))
            }
            Change::Replace(whole) => {
                let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                self.services(route).replace(&live.name_any(), &params, &whole).await.map_err(failed(REPLACE_SERVICE))
            }
        }
    }

    /// Deletes this very Service. Gone is done.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn delete_service(&self, route: &LambdaRoute, live: &Service) -> Result<(), KubeError> {
        let params = DeleteParams::background()
            .preconditions(Preconditions { uid: live.uid(), resource_version: live.resource_version() });
        match self.services(route).delete(&live.name_any(), &params).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some(404) => Ok(()),
            Err(source) => Err(KubeError { operation: "delete the Service", source }),
        }
    }

    /// Tells an Event. One that can't be told (a terminating namespace) is logged: nothing depends on it.
    pub async fn tell(&self, route: &LambdaRoute, notice: &Notice) {
        let namespace = route.namespace().unwrap_or_default();
        let now = jiff::Timestamp::now();
        let mut note = notice.note.clone();
        // The API server's limit is 1 kB.
        while note.len() > 1000 {
            note.pop();
        }
        let event = Event {
            metadata: kube::api::ObjectMeta {
                name: Some(events::name(&route.name_any(), now.as_nanosecond())),
                namespace: Some(namespace.clone()),
                ..Default::default()
            },
            event_time: Some(MicroTime(now)),
            reporting_controller: Some(lambdaroute_crds::GROUP.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            regarding: Some(ObjectReference {
                api_version: Some(LambdaRoute::api_version(&()).into_owned()),
                kind: Some(LambdaRoute::kind(&()).into_owned()),
                name: Some(route.name_any()),
                namespace: Some(namespace.clone()),
                uid: route.uid(),
                resource_version: route.resource_version(),
                ..ObjectReference::default()
            }),
            type_: Some(if notice.warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(notice.reason.to_owned()),
            action: Some(notice.action.to_owned()),
            note: Some(note),
            ..Event::default()
        };
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        match events.create(&PostParams::default(), &event).await {
            Ok(_) => {}
            Err(error) if namespace_goes(&error) => {
                tracing::debug!(%namespace, route = route.name_any(), reason = notice.reason, "no event where the namespace goes");
            }
            Err(error) => {
                tracing::warn!(%namespace, route = route.name_any(), reason = notice.reason, %error, "an event couldn't be told")
            }
        }
    }
}
