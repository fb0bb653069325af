//! Which write a request at a gate is, and of which route. A request that changes something and isn't known here fails the
//! test: nothing that the controller writes escapes the kills by being new.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use http::Method;
use lambdaroute_tests::gate::{Operation, Seen};
use lambdaroute_tests::stack::Stack;
use serde_json::Value;

/// The steps, as `docs/writes.md` spells them, and the writes that aren't steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    AddFinalizer,
    RecordTarget,
    AddPermission,
    CreateFunctionUrlConfig,
    CreateService,
    ApplyService,
    UpdateFunctionUrlConfig,
    ReleaseTarget,
    DeleteFunctionUrlConfig,
    RemovePermission,
    ForgetTarget,
    RestPort,
    DeleteService,
    RemoveFinalizer,
    /// The rest of the status.
    Status,
    /// An EndpointSlice, in whatever way.
    Slice,
    /// An Event.
    Event,
}

impl Kind {
    /// Whether it is a step of a plan.
    pub(super) fn is_step(self) -> bool {
        !matches!(self, Self::Status | Self::Slice | Self::Event)
    }

    /// Whether it goes to AWS.
    pub(super) fn is_in_aws(self) -> bool {
        use Kind::{
            AddPermission, CreateFunctionUrlConfig, DeleteFunctionUrlConfig, RemovePermission, UpdateFunctionUrlConfig,
        };
        matches!(
            self,
            AddPermission
                | RemovePermission
                | CreateFunctionUrlConfig
                | UpdateFunctionUrlConfig
                | DeleteFunctionUrlConfig
        )
    }

    /// Whether it is about an object that all routes share.
    pub(super) fn is_shared(self) -> bool {
        self == Self::RestPort
    }
}

/// The how manieth of its kind in a route's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) kind: Kind,
    pub(super) number: usize,
}

/// Whom a request is about.
pub(super) enum Subject {
    Route(String),
    /// A child, whose name begins with the route's.
    Child(String),
    Function(String),
    /// The memory of ports, with everybody who rests.
    Ports(Value),
}

impl Subject {
    /// Whether it is about this route. `uid`: `None` where the route isn't made yet.
    pub(super) fn is_of(&self, route: &str, uid: Option<&str>, function: &str) -> bool {
        match self {
            Self::Route(name) => name == route,
            Self::Child(name) => name.strip_prefix(route).is_some_and(|rest| rest.starts_with('-')),
            Self::Function(name) => name == function,
            Self::Ports(resting) => uid.is_some_and(|uid| {
                let resting = resting.as_object().into_iter().flatten();
                resting.filter_map(|(_, rest)| rest.as_str()).any(|rest| rest.starts_with(uid))
            }),
        }
    }
}

/// What kind of write a request is, and about whom. `None`: none, or none of a route's.
pub(super) fn write_of(seen: &Seen) -> Option<(Kind, Subject)> {
    known(seen).ok().flatten()
}

fn known(seen: &Seen) -> anyhow::Result<Option<(Kind, Subject)>> {
    let in_aws = match seen.operation {
        Operation::AddPermission => Some(Kind::AddPermission),
        Operation::RemovePermission => Some(Kind::RemovePermission),
        Operation::CreateFunctionUrlConfig => Some(Kind::CreateFunctionUrlConfig),
        Operation::UpdateFunctionUrlConfig => Some(Kind::UpdateFunctionUrlConfig),
        Operation::DeleteFunctionUrlConfig => Some(Kind::DeleteFunctionUrlConfig),
        _ => None,
    };
    if let (Some(kind), Some(target)) = (in_aws, &seen.target) {
        return Ok(Some((kind, Subject::Function(target.function.clone()))));
    }
    if seen.method == Method::GET || seen.operation == Operation::Sts {
        return Ok(None);
    }
    let path: Vec<&str> = seen.path.split('/').filter(|part| !part.is_empty()).collect();
    let body = seen.json();
    let named = || body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let in_namespace = path.iter().position(|part| *part == "namespaces").map(|at| &path[at + 2..]);
    Ok(Some(match (seen.method.as_str(), in_namespace.unwrap_or(&path)) {
        ("PATCH", ["lambdaroutes", name]) => {
            let finalizers = body["metadata"]["finalizers"].as_array().map_or(0, Vec::len);
            let kind = if finalizers > 0 { Kind::AddFinalizer } else { Kind::RemoveFinalizer };
            (kind, Subject::Route((*name).to_owned()))
        }
        ("PATCH", ["lambdaroutes", name, "status"]) => (status(&body["status"]), Subject::Route((*name).to_owned())),
        ("POST", ["services"]) => (Kind::CreateService, Subject::Route(named())),
        ("PATCH" | "PUT", ["services", name]) => (Kind::ApplyService, Subject::Route((*name).to_owned())),
        ("DELETE", ["services", name]) => (Kind::DeleteService, Subject::Route((*name).to_owned())),
        ("POST", ["endpointslices"]) => (Kind::Slice, Subject::Child(named())),
        ("PATCH" | "DELETE", ["endpointslices", name]) => (Kind::Slice, Subject::Child((*name).to_owned())),
        ("POST", ["events"]) => {
            let name = body["regarding"]["name"].as_str().unwrap_or_default();
            (Kind::Event, Subject::Route(name.to_owned()))
        }
        ("POST" | "PUT", ["configmaps", ..]) if !body["data"]["ca.crt"].is_string() => {
            (Kind::RestPort, Subject::Ports(body["data"].clone()))
        }
        // The leader's own, none of a route's.
        (_, ["leases" | "secrets" | "configmaps", ..]) => return Ok(None),
        ("POST", [.., "tokenreviews"]) => return Ok(None),
        (method, _) => bail!("{method} {} is a write that no test kills the controller at", seen.path),
    }))
}

/// Which write of the status it is: a step writes the targets alone. A target without a URL has just been recorded.
fn status(status: &Value) -> Kind {
    if status.as_object().is_some_and(|fields| fields.keys().any(|field| field != "targets")) {
        return Kind::Status;
    }
    let targets = status["targets"].as_array().cloned().unwrap_or_default();
    if targets.iter().any(|target| target["state"] == "Releasing") {
        Kind::ReleaseTarget
    } else if targets.iter().any(|target| target["functionURL"].is_null()) {
        Kind::RecordTarget
    } else {
        Kind::ForgetTarget
    }
}

/// The writes of one route since the gates had seen so many calls, in the order of each gate.
pub(super) fn writes_of(
    stack: &Stack,
    route: &str,
    uid: &str,
    function: &str,
    begun: (usize, usize),
) -> anyhow::Result<Vec<Write>> {
    let mut numbers: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut writes = Vec::new();
    let calls = stack.aws.calls().into_iter().skip(begun.0).chain(stack.api.calls().into_iter().skip(begun.1));
    for call in calls {
        // One that met a newer object is tried again, and counts once.
        if !call.status.is_some_and(|status| status.is_success()) {
            continue;
        }
        let Some((kind, subject)) = known(&call.seen).context("a new kind of write")? else { continue };
        if subject.is_of(route, Some(uid), function) && !(kind.is_shared() && numbers.contains_key(&kind)) {
            let number = numbers.entry(kind).or_default();
            writes.push(Write { kind, number: *number });
            *number += 1;
        }
    }
    Ok(writes)
}
