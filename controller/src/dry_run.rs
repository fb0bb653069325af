//! `--dry-run`: every write that would be made for the routes of the cluster, one a line. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaRoute};

use crate::access_policy::AccessPolicies;
use crate::assess::{Assessment, Installation, ServiceClaim, assess, judge_access};
use crate::aws::Aws;
use crate::intent::{deleting, key, on_target, recorded};
use crate::kubernetes::port_book;
use crate::observation::FunctionState;
use crate::observe::observe;
use crate::plan::{Intent, RouteOnTarget, Settings, plan};
use crate::plan_route::{RouteFacts, plan_route};
use crate::ports::{Claim, Ports};
use crate::priority::Priority;
use crate::programmed::{self, Programmed, Trust};
use crate::programming::RouteId;
use crate::reconcile::ReconcileArgs;
use crate::service;
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::watch;

struct Known {
    route: LambdaRoute,
    live: Option<Service>,
    claim: ServiceClaim,
    assessment: Assessment,
    served: Option<Programmed>,
    port: Option<u16>,
}

/// The lines.
///
/// # Errors
/// Kubernetes or AWS can't be read.
pub async fn dry_run(
    client: Client,
    aws: &Aws,
    settings: &Settings,
    args: &ReconcileArgs,
    namespace: &str,
) -> anyhow::Result<Vec<String>> {
    let identity = aws.caller_identity().await.context("the controller's AWS account can't be asked for")?;
    let installation = Installation {
        defaults: Some(identity.defaults),
        access_policies: access_policies(&client).await?,
        cluster_issuer: None,
    };
    let known = read(client, &installation, args, namespace).await?;
    let mut lines = Vec::new();
    for route in known.iter().filter(|route| !deleting(&route.route)) {
        if let Some(refused) = &route.assessment.refused {
            lines.push(format!("{}: not carried out: {}: {}", key(&route.route), refused.reason, refused.message));
        }
        lines.extend(own_steps(route, &BTreeSet::new()));
    }
    let mut released: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for target in targets(&known) {
        let concerned: Vec<RouteOnTarget> = known
            .iter()
            .filter_map(|known| on_target(&known.route, &target, &known.assessment, known.claim, known.served.as_ref()))
            .collect();
        if concerned.is_empty() {
            continue;
        }
        let observed = match observe(&aws.lambda(&target, Priority::Change), &target).await {
            Ok(observed) => observed,
            Err((_, error)) => {
                lines.push(format!("{target}: can't be looked at: {error}"));
                continue;
            }
        };
        match observed.function {
            FunctionState::Exists => {}
            FunctionState::NotFound => lines.push(format!("{target}: no such function: nothing to write")),
            FunctionState::QualifierNotFound => lines.push(format!("{target}: no such alias: nothing to write")),
        }
        let planned = plan(&target, &concerned, &observed, settings);
        lines.extend(planned.conflicted.iter().map(|route| format!("{route}: not carried out: Conflicted")));
        lines.extend(planned.steps.iter().map(ToString::to_string));
        for route in concerned.iter().filter(|route| route.intent == Intent::Releases) {
            released.entry(route.route.uid.clone()).or_default().insert(target.arn());
        }
    }
    for route in known.iter().filter(|route| deleting(&route.route)) {
        let released = released.remove(&key(&route.route).uid).unwrap_or_default();
        lines.extend(own_steps(route, &released));
    }
    Ok(lines)
}

/// The policies and the namespaces' labels, as they are now.
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

fn targets(known: &[Known]) -> BTreeSet<FunctionTarget> {
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

fn own_steps(known: &Known, released: &BTreeSet<String>) -> Vec<String> {
    let steps = plan_route(&RouteFacts {
        route: &known.route,
        assessment: &known.assessment,
        service: known.live.as_ref(),
        port: known.port,
        programmed: known.served.as_ref(),
        served: known.served.as_ref(),
        released,
        arrived: false,
    });
    steps.iter().map(Step::to_string).collect()
}

async fn read(
    client: Client,
    installation: &Installation,
    args: &ReconcileArgs,
    namespace: &str,
) -> anyhow::Result<Vec<Known>> {
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
    let mut known = Vec::new();
    let mut claims = Vec::new();
    for route in routes.items.into_iter().map(watch::readable) {
        let uid = route.uid().unwrap_or_default();
        let of_name =
            |live: &&Service| live.namespace() == route.namespace() && live.name_any() == service::name(&route);
        let live = services.iter().filter(of_name).find(|live| service::is_ours(live, &uid)).cloned();
        let claim = match &live {
            Some(_) => ServiceClaim::Ours,
            None => {
                let services: Api<Service> = Api::namespaced(client.clone(), &route.namespace().unwrap_or_default());
                let found = services.get_opt(&service::name(&route)).await.context("a Service can't be read")?;
                // It would be made.
                if found.is_some() { ServiceClaim::Taken } else { ServiceClaim::Ours }
            }
        };
        let annotation = |name: &str| live.as_ref().and_then(|live| live.annotations().get(name)).cloned();
        let assessment = assess(&route, installation, annotation(service::TARGET).as_deref()).with_claim(&route, claim);
        let trust = Trust { written: None, manifest: judge_access(&route, installation).ok() };
        let served = annotation(programmed::ANNOTATION).and_then(|text| Programmed::trusted(&text, &route, &trust));
        claims.extend(Claim::of(&route, live.as_ref()));
        known.push(Known { route, live, claim, assessment, served, port: None });
    }
    let resting = ports.as_ref().map(port_book::read).unwrap_or_default();
    let mut ports = Ports::new(args.port_range.clone(), claims, resting, jiff::Timestamp::now());
    for known in &mut known {
        let id = RouteId(known.route.uid().unwrap_or_default());
        known.port = if deleting(&known.route) { ports.of(&id) } else { ports.allocate(&id) };
    }
    Ok(known)
}
