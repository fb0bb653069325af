//! What the leader of an uninstall does: slices, AWS, routes, in this order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::Client;
use lambdaroute_crds::LambdaRoute;
use tokio::time::Instant;
use tracing::{info, warn};

use super::farewell::End;
use super::fate::{Fate, fate, on_target};
use super::leftover::{Leftover, Taken};
use super::pauses::{Pauses, tried};
use super::take_back::Hands;
use super::{Error, Report, UninstallArgs, let_go, slices};
use crate::apply::FunctionLocks;
use crate::args::Args;
use crate::aws::{Aws, AwsError};
use crate::events::{self, Notice};
use crate::intent::{deleting, key, recorded};
use crate::kubernetes::Kubernetes;
use crate::lead;
use crate::leadership::Leadership;
use crate::plan::{Intent, RouteOnTarget, Settings};
use crate::snapshot::{self, Known, Snapshot};
use crate::target::{Defaults, FunctionTarget};

/// Nodes follow the EndpointSlices within a second (kube-proxy): until then calls still come.
const PROPAGATION: Duration = Duration::from_secs(2);
/// How long the cluster may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// How many routes are let go at once.
const AT_ONCE: usize = 32;
/// How long the Events of one route may take.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn work(
    args: &Args,
    options: &UninstallArgs,
    client: &Client,
    aws: &Aws,
    leadership: &Leadership,
) -> Result<Report, Error> {
    let limit = Instant::now() + options.time_limit;
    let emptied = slices::empty(client, args.routes.watch_namespace.as_deref())
        .await
        .map_err(|error| Error::Read(anyhow::Error::new(error).context("EndpointSlices can't be listed")))?;
    info!(slices = emptied.emptied, "the EndpointSlices are empty");
    if emptied.emptied > 0 {
        tokio::time::sleep(PROPAGATION).await;
    }
    let (settings, snapshot) = read(args, client).await?;
    let identity = if snapshot.has_targets() { identity(aws, limit).await.map(Some) } else { Ok(None) };
    let known = snapshot.judged(identity.clone().unwrap_or(None), &args.routes);
    let hands = Hands { aws, settings: &settings, leadership, locks: FunctionLocks::default(), limit };
    let taken = take_back(&hands, &known, &identity, args.routes.workers.into()).await;
    let mut report = report(&known, &taken, &settings);
    (report.slices, report.filled) = (emptied.emptied, emptied.failed);
    let kubernetes = Kubernetes::new(client.clone(), args.leader.identity.clone());
    let let_go = known.iter().map(|known| {
        let (kubernetes, settings, taken) = (&kubernetes, &settings, &taken);
        async move {
            let ends = ends(known, taken, settings);
            // Nothing depends on it.
            let _ = tokio::time::timeout(TOLD_WITHIN, tell(kubernetes, known, &ends, settings)).await;
            let_go::let_go(kubernetes, &known.route, &ends).await.map_err(|why| (key(&known.route), why))
        }
    });
    let outcomes: Vec<_> = futures::stream::iter(let_go).buffer_unordered(AT_ONCE).collect().await;
    report.routes = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    report.held = outcomes.into_iter().filter_map(Result::err).collect();
    Ok(report)
}

async fn read(args: &Args, client: &Client) -> Result<(Settings, Snapshot), Error> {
    let once = async || {
        let settings = lead::settings(args, client).await?;
        anyhow::Ok((settings, Snapshot::read(client, &args.routes, &args.namespace).await?))
    };
    let late = |_| Error::Read(anyhow::anyhow!("no answer within {READ_WITHIN:?}"));
    tokio::time::timeout(READ_WITHIN, tried("read the cluster", once)).await.map_err(late)?.map_err(Error::Read)
}

/// Who the controller is: without its account nothing in AWS may be touched.
async fn identity(aws: &Aws, limit: Instant) -> Result<Defaults, AwsError> {
    let mut pauses = Pauses::until(limit);
    let mut last = AwsError::late("sts:GetCallerIdentity");
    loop {
        match tokio::time::timeout_at(limit, aws.caller_identity()).await {
            Ok(Ok(identity)) => return Ok(identity.defaults),
            Ok(Err(error)) => {
                warn!(%error, "the controller's AWS identity is unknown");
                last = error;
            }
            Err(_) => return Err(last),
        }
        if !pauses.again().await {
            return Err(last);
        }
    }
}

/// All targets where something is to be taken back, several at once.
async fn take_back(
    hands: &Hands<'_>,
    known: &[Known],
    identity: &Result<Option<Defaults>, AwsError>,
    at_once: usize,
) -> BTreeMap<FunctionTarget, Taken> {
    let each = snapshot::targets(known).into_iter().filter_map(|target| {
        let concerned: Vec<RouteOnTarget> = known.iter().filter_map(|known| on_target(known, &target)).collect();
        concerned.iter().any(|route| route.intent == Intent::Releases).then_some((target, concerned))
    });
    let one = async |(target, concerned): (FunctionTarget, Vec<RouteOnTarget>)| {
        let failure = match identity {
            Err(error) => Some(error.clone()),
            Ok(Some(own)) if !own.is_account_of(&target) => Some(AwsError::other_account(&own.account_id)),
            Ok(_) => None,
        };
        let taken = match failure {
            Some(error) => Taken { failures: vec![error], ..Taken::default() },
            None => hands.take_back(&target, &concerned).await,
        };
        (target, taken)
    };
    futures::stream::iter(each.map(one)).buffer_unordered(at_once).collect().await
}

/// What became of a route's targets.
fn ends(known: &Known, taken: &BTreeMap<FunctionTarget, Taken>, settings: &Settings) -> BTreeMap<String, End> {
    recorded(&known.route)
        .iter()
        .map(|entry| {
            let arn = entry.function_arn.clone();
            // Nothing of ours is ever written under a name that is none.
            let Some(target) = FunctionTarget::parse_arn(&arn) else { return (arn, End::Clean) };
            let end = match fate(known, entry, &target) {
                // A route that goes takes no note of it along.
                Fate::Kept if deleting(&known.route) => End::Clean,
                Fate::Kept => End::Kept,
                Fate::Abandoned => {
                    let why = "the annotation lambdaroute.dev/force-delete says so".to_owned();
                    End::Left(Leftover { why, ..Leftover::unseen(&target, Some(entry), &settings.cluster) })
                }
                Fate::TakenBack => taken
                    .get(&target)
                    .and_then(|taken| Leftover::of(&target, taken, Some(entry), &settings.cluster))
                    .map_or(End::Clean, End::Left),
            };
            (arn, end)
        })
        .collect()
}

fn report(known: &[Known], taken: &BTreeMap<FunctionTarget, Taken>, settings: &Settings) -> Report {
    let mut report = Report::default();
    let mut left: BTreeMap<String, Leftover> = BTreeMap::new();
    for known in known {
        for (arn, end) in ends(known, taken, settings) {
            match end {
                End::Kept => report.kept.push((key(&known.route), arn)),
                // Routes on one function leave the same; what was seen there says more than a status.
                End::Left(one) if left.get(&arn).is_none_or(|known| known.url.is_none()) => drop(left.insert(arn, one)),
                End::Left(_) | End::Clean => {}
            }
        }
    }
    let kept: BTreeSet<&String> = report.kept.iter().map(|(_, arn)| arn).collect();
    let is_clean = |target: &&FunctionTarget| !left.contains_key(&target.arn()) && !kept.contains(&target.arn());
    report.clean = taken.keys().filter(is_clean).count();
    report.shared = taken
        .iter()
        .filter(|(_, taken)| !taken.in_use_by.is_empty())
        .map(|(target, taken)| (target.clone(), taken.in_use_by.clone()))
        .collect();
    report.left = left.into_values().collect();
    report
}

/// An Event for what stays of a route that asked for something else.
async fn tell(kubernetes: &Kubernetes, known: &Known, ends: &BTreeMap<String, End>, settings: &Settings) {
    let route: &LambdaRoute = &known.route;
    for entry in recorded(route) {
        let notice = match ends.get(&entry.function_arn) {
            Some(End::Left(left)) => {
                warn!(route = %key(route), "{left}");
                Notice { warning: true, reason: "LeftBehind", action: "Uninstall", note: left.to_string() }
            }
            Some(End::Clean) if deleting(route) && is_kept(known, &entry.function_arn) => {
                events::left_behind(entry, &settings.cluster, false)
            }
            _ => continue,
        };
        kubernetes.tell(route, &notice).await;
    }
}

fn is_kept(known: &Known, arn: &str) -> bool {
    let entry = recorded(&known.route).iter().find(|entry| entry.function_arn == arn);
    let target = FunctionTarget::parse_arn(arn);
    entry.zip(target).is_some_and(|(entry, target)| fate(known, entry, &target) == Fate::Kept)
}
