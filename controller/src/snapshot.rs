//! The cluster as it is now, by lists instead of watches: for runs that look once (`--dry-run`, `uninstall`). Reads only, and
//! decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaRoute};

use crate::access_policy::AccessPolicies;
use crate::assess::{Assessment, Installation, ServiceClaim, assess, judge_access};
use crate::intent::{deleting, recorded};
use crate::kubernetes::port_book;
use crate::ports::{Claim, Ports, Rest};
use crate::programmed::{self, Programmed, Trust};
use crate::programming::RouteId;
use crate::reconcile::ReconcileArgs;
use crate::service;
use crate::target::{Defaults, FunctionTarget};
use crate::watch;

/// A route with what else is known of it.
pub struct Known {
    /// The object.
    pub route: LambdaRoute,
    /// Its own Service.
    pub live: Option<Service>,
    /// Whose the Service of its name is, or would be.
    pub claim: ServiceClaim,
    /// Its manifest, judged.
    pub assessment: Assessment,
    /// What proxies serve.
    pub served: Option<Programmed>,
    /// Its port at the proxies.
    pub port: Option<u16>,
}

/// What the lists say, before anything is judged.
pub struct Snapshot {
    routes: Vec<Listed>,
    access_policies: AccessPolicies,
    resting: BTreeMap<u16, Rest>,
}

struct Listed {
    route: LambdaRoute,
    live: Option<Service>,
    claim: ServiceClaim,
}

impl Snapshot {
    /// The routes, of all namespaces or of the one that is watched, and what they are judged by.
    ///
    /// # Errors
    /// Kubernetes can't be read.
    pub async fn read(client: &Client, args: &ReconcileArgs, namespace: &str) -> anyhow::Result<Self> {
        let kind = ApiResource::erase::<LambdaRoute>(&());
        let watched = args.watch_namespace.as_deref();
        let (routes, services): (Api<DynamicObject>, Api<Service>) = match watched {
            Some(namespace) => {
                (Api::namespaced_with(client.clone(), namespace, &kind), Api::namespaced(client.clone(), namespace))
            }
            None => (Api::all_with(client.clone(), &kind), Api::all(client.clone())),
        };
        let routes = routes.list(&ListParams::default()).await.context("LambdaRoutes can't be listed")?;
        let ours = ListParams::default().labels(&format!("{}={}", service::MANAGED_BY.0, service::MANAGED_BY.1));
        let services = services.list(&ours).await.context("Services can't be listed")?.items;
        let ports: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let ports = ports.get_opt(&args.ports_configmap).await.context("the ports' ConfigMap can't be read")?;
        let mut listed = Vec::new();
        for route in routes.items.into_iter().map(watch::readable) {
            let uid = route.uid().unwrap_or_default();
            let of_name =
                |live: &&Service| live.namespace() == route.namespace() && live.name_any() == service::name(&route);
            let live = services.iter().filter(of_name).find(|live| service::is_ours(live, &uid)).cloned();
            let claim = match &live {
                Some(_) => ServiceClaim::Ours,
                None => {
                    let services: Api<Service> =
                        Api::namespaced(client.clone(), &route.namespace().unwrap_or_default());
                    let found = services.get_opt(&service::name(&route)).await.context("a Service can't be read")?;
                    // It would be made.
                    if found.is_some() { ServiceClaim::Taken } else { ServiceClaim::Ours }
                }
            };
            listed.push(Listed { route, live, claim });
        }
        let resting = ports.as_ref().map(port_book::read).unwrap_or_default();
        Ok(Self { routes: listed, access_policies: access_policies(client).await?, resting })
    }

    /// Whether any route may have something in AWS.
    pub fn has_targets(&self) -> bool {
        self.routes.iter().any(|listed| !recorded(&listed.route).is_empty())
    }

    /// The routes, judged by who the controller is in AWS.
    pub fn judged(self, defaults: Option<Defaults>, args: &ReconcileArgs) -> Vec<Known> {
        let Self { routes, access_policies, resting } = self;
        let access_policies = access_policies.allowing_all(args.allow_all).requiring_one(args.require_access_policy);
        let installation = Installation { defaults, access_policies, cluster_issuer: None };
        let claims = routes.iter().filter_map(|listed| Claim::of(&listed.route, listed.live.as_ref())).collect();
        let mut ports = Ports::new(args.port_range.clone(), claims, resting, jiff::Timestamp::now());
        routes.into_iter().map(|listed| judged(listed, &installation, &mut ports)).collect()
    }
}

fn judged(listed: Listed, installation: &Installation, ports: &mut Ports) -> Known {
    let Listed { route, live, claim } = listed;
    let annotation = |name: &str| live.as_ref().and_then(|live| live.annotations().get(name)).cloned();
    let assessment = assess(&route, installation, annotation(service::TARGET).as_deref()).with_claim(&route, claim);
    let trust = Trust { written: None, manifest: judge_access(&route, installation).ok() };
    let served = annotation(programmed::ANNOTATION).and_then(|text| Programmed::trusted(&text, &route, &trust));
    let id = RouteId(route.uid().unwrap_or_default());
    let port = if deleting(&route) { ports.of(&id) } else { ports.allocate(&id) };
    Known { route, live, claim, assessment, served, port }
}

/// The policies and the namespaces' labels.
async fn access_policies(client: &Client) -> anyhow::Result<AccessPolicies> {
    let kind = ApiResource::erase::<LambdaAccessPolicy>(&());
    let policies: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let policies = policies.list(&ListParams::default()).await.context("LambdaAccessPolicies can't be listed")?;
    let policies: Vec<_> = policies.items.into_iter().map(watch::readable_policy).collect();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespaces = namespaces.list_metadata(&ListParams::default()).await.context("Namespaces can't be listed")?;
    let labels = namespaces.items.into_iter().map(|namespace| (namespace.name_any(), namespace.labels().clone()));
    Ok(AccessPolicies::default().with_policies(&policies).with_namespaces(labels))
}

/// All targets that the routes concern.
pub fn targets(known: &[Known]) -> BTreeSet<FunctionTarget> {
    known
        .iter()
        .flat_map(|known| {
            let recorded = recorded(&known.route).iter();
            recorded
                .filter_map(|target| FunctionTarget::parse_arn(&target.function_arn))
                .chain(known.assessment.target.clone())
        })
        .collect()
}
