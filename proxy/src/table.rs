//! The route table as the controller's messages make it, and what each message means for the listeners. Pure: it says what
//! is to be done, [`crate::programmer`] does it.

mod shares;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::to_proxy::Message;
use lambdaroute_proxy_config::v1alpha1::{
    Change, Outcome, RefusalReason, Resource, ResourceRef, ResourceType, Route, Version, outcome,
};
use lambdaroute_proxy_config::{feature, validate_route};

use crate::kept::Kept;
pub(crate) use shares::ShareStep;
use shares::{kept_share, share};

/// Type and id.
type Key = (i32, String);

/// Something to do for a resource, with the reference that its outcome must carry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Stop serving it; it is gone from the table.
    Remove(ResourceRef),
    /// Stop serving whatever version there is, and say why.
    Refuse(ResourceRef, RefusalReason, String),
    /// Serve this version of a route, or keep this version of a key set for the routes that use it. With what is kept of it.
    Serve(ResourceRef, Arc<Resource>, Kept),
}

impl Step {
    /// Whether it is about a key set. Ids are unique only among resources of one type.
    pub(crate) fn is_of_key_set(&self) -> bool {
        let (Step::Remove(reference) | Step::Refuse(reference, ..) | Step::Serve(reference, ..)) = self;
        reference.r#type() == ResourceType::KeySet
    }
}

/// What a message means.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Applied {
    /// Removals and refusals first, so that a port is free before it is used again.
    pub(crate) steps: Vec<Step>,
    /// To be done before the steps: a route is never served by its total while its share is known.
    pub(crate) shares: Vec<ShareStep>,
    /// The table is whole now.
    pub(crate) whole: bool,
}

/// A leader before the one that is followed: its stream must be dropped.
#[derive(Debug, PartialEq)]
pub(crate) struct Stale {
    /// What to tell it.
    pub(crate) outcomes: Vec<Outcome>,
    /// The epoch that is followed.
    pub(crate) followed: u64,
    /// The epoch that it claims.
    pub(crate) claimed: u64,
}

/// See the module.
pub(crate) struct Table {
    supported: BTreeSet<&'static str>,
    version: Option<Version>,
    /// The highest epoch of which anything was taken: a leader before it is refused also where the snapshot of the one that
    /// is followed hasn't ended.
    followed: u64,
    resources: HashMap<Key, Kept>,
    /// What has come since SnapshotBegin; absent outside a snapshot.
    arrived: Option<HashSet<Key>>,
}

impl Table {
    /// Empty, for a proxy with these features.
    pub(crate) fn new(supported: &[&'static str]) -> Self {
        Table {
            supported: supported.iter().copied().collect(),
            version: None,
            followed: 0,
            resources: HashMap::new(),
            arrived: None,
        }
    }

    /// The version of the last whole table.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// The version to keep it under: the last whole one, or where a part of a later leader's snapshot is in it, one before
    /// all that this leader can send. So a restart doesn't go back to the leader before.
    pub(crate) fn kept_version(&self) -> Option<Version> {
        match self.version {
            Some(version) if version.epoch >= self.followed => Some(version),
            _ => Some(Version { epoch: self.followed, counter: 0 }),
        }
    }

    /// How many resources are in it.
    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }

    /// Everything in the table, key sets first: no route is to be served before it can recognise its callers.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Kept> {
        let of = |key_sets: bool| {
            let is_wanted = move |key: &Key| (key.0 == i32::from(ResourceType::KeySet)) == key_sets;
            self.resources.iter().filter(move |(key, _)| is_wanted(key)).map(|(_, kept)| kept)
        };
        of(true).chain(of(false))
    }

    /// A stream begins: a snapshot that the last one didn't finish is forgotten, what it brought stays.
    pub(crate) fn begin_stream(&mut self) {
        self.arrived = None;
    }

    /// Takes a message of the controller.
    ///
    /// # Errors
    /// It comes from a leader before the one that is followed. Nothing has changed then.
    pub(crate) fn apply(&mut self, message: Message) -> Result<Applied, Stale> {
        match message {
            Message::SnapshotBegin(begin) => {
                self.follow(begin.version, &[])?;
                self.arrived = Some(HashSet::new());
                Ok(Applied::default())
            }
            Message::Change(change) => self.change(change),
            Message::SnapshotEnd(end) => {
                self.follow(end.version, &[])?;
                Ok(self.end_snapshot(end.version, end.kept))
            }
            Message::Left(_) => Ok(Applied::default()),
        }
    }

    /// Checks the epoch, which is followed from now on. The version itself is taken when the table is whole.
    fn follow(&mut self, version: Option<Version>, refused: &[ResourceRef]) -> Result<(), Stale> {
        let (followed, claimed) = (self.followed, version.unwrap_or_default().epoch);
        if claimed >= followed {
            self.followed = claimed;
            return Ok(());
        }
        let detail = format!("epoch {claimed} is before epoch {followed}, which this proxy follows");
        let mut refused = refused.to_vec();
        if refused.is_empty() {
            refused.push(ResourceRef { version, ..Default::default() });
        }
        let outcomes =
            refused.into_iter().map(|resource| refusal(resource, RefusalReason::StaleEpoch, detail.clone())).collect();
        Err(Stale { outcomes, followed, claimed })
    }

    fn change(&mut self, change: Change) -> Result<Applied, Stale> {
        let references: Vec<ResourceRef> =
            change.set.iter().map(reference).chain(change.removed.iter().cloned()).collect();
        self.follow(change.version, &references)?;
        let mut steps = Vec::with_capacity(references.len());
        let mut shares = Vec::new();
        for removed in change.removed {
            let key = (removed.r#type, removed.id.clone());
            let old = self.resources.remove(&key);
            if let Some(arrived) = &mut self.arrived {
                arrived.remove(&key);
            }
            match (removed.r#type(), old) {
                (ResourceType::LimitShare, old) => {
                    shares.extend(old.as_ref().and_then(kept_share).map(ShareStep::Remove));
                }
                _ => steps.push(Step::Remove(removed)),
            }
        }
        let mut serve = Vec::new();
        for mut resource in change.set {
            if type_of(&resource) == ResourceType::LimitShare {
                self.set_share(resource, &mut shares);
                continue;
            }
            let (key, kept) = (key(&resource), Kept::of(&mut resource));
            match self.judge(&Arc::new(resource), &kept) {
                Some(step @ Step::Refuse(..)) => steps.push(step),
                Some(step) => serve.push(step),
                None => {}
            }
            if let Some(arrived) = &mut self.arrived {
                arrived.insert(key.clone());
            }
            self.resources.insert(key, kept);
        }
        steps.extend(serve);
        let whole = self.arrived.is_none();
        if whole {
            self.version = self.version.max(change.version);
        }
        Ok(Applied { steps, shares, whole })
    }

    /// One without a share that this version knows comes, but changes nothing.
    fn set_share(&mut self, mut resource: Resource, shares: &mut Vec<ShareStep>) {
        let key = key(&resource);
        if let Some(arrived) = &mut self.arrived {
            arrived.insert(key.clone());
        }
        let Some(new) = share(&resource).cloned() else { return };
        let old = self.resources.insert(key, Kept::of(&mut resource));
        if let Some(old) = old.as_ref().and_then(kept_share)
            && (&old.route_id, &old.limit) != (&new.route_id, &new.limit)
        {
            shares.push(ShareStep::Remove(old));
        }
        shares.push(ShareStep::Set(new));
    }

    /// What didn't come is gone, unless it is named among `kept`.
    fn end_snapshot(&mut self, version: Option<Version>, kept: Vec<ResourceRef>) -> Applied {
        let mut arrived = self.arrived.take().unwrap_or_default();
        arrived.extend(kept.into_iter().map(|kept| (kept.r#type, kept.id)));
        let mut gone: Vec<Key> = self.resources.keys().filter(|key| !arrived.contains(key)).cloned().collect();
        gone.sort();
        let (mut steps, mut shares) = (Vec::with_capacity(gone.len()), Vec::new());
        for key in gone {
            let old = self.resources.remove(&key);
            if key.0 == i32::from(ResourceType::LimitShare) {
                shares.extend(old.as_ref().and_then(kept_share).map(ShareStep::Remove));
            } else {
                steps.push(Step::Remove(ResourceRef { r#type: key.0, id: key.1, version }));
            }
        }
        self.version = version;
        Applied { steps, shares, whole: true }
    }

    fn judge(&self, resource: &Arc<Resource>, kept: &Kept) -> Option<Step> {
        let reference = reference(resource);
        match &resource.resource {
            Some(Kind::Route(route)) => Some(match self.check(&resource.id, route) {
                Ok(()) => Step::Serve(reference, resource.clone(), kept.clone()),
                Err((reason, detail)) => Step::Refuse(reference, reason, detail),
            }),
            Some(Kind::KeySet(_)) => Some(Step::Serve(reference, resource.clone(), kept.clone())),
            // Not acknowledged: replaced often, never wrong for long.
            Some(Kind::LimitShare(_)) => None,
            None => {
                let detail = "a resource of a kind that this proxy doesn't know: upgrade it".to_owned();
                Some(Step::Refuse(reference, RefusalReason::UnsupportedFeature, detail))
            }
        }
    }

    fn check(&self, id: &str, route: &Route) -> Result<(), (RefusalReason, String)> {
        if id.is_empty() {
            return Err((RefusalReason::Invalid, "id is empty".to_owned()));
        }
        validate_route(route, &self.supported).map_err(|invalid| (invalid.reason(), invalid.to_string()))
    }
}

/// A refusal as it goes to the controller.
pub(crate) fn refusal(resource: ResourceRef, reason: RefusalReason, detail: String) -> Outcome {
    let refusal = lambdaroute_proxy_config::v1alpha1::Refusal { reason: reason.into(), detail };
    Outcome { resource: Some(resource), outcome: Some(outcome::Outcome::Refused(refusal)) }
}

fn reference(resource: &Resource) -> ResourceRef {
    ResourceRef { r#type: type_of(resource).into(), id: resource.id.clone(), version: resource.version }
}

fn key(resource: &Resource) -> Key {
    (type_of(resource).into(), resource.id.clone())
}

fn type_of(resource: &Resource) -> ResourceType {
    match resource.resource {
        Some(Kind::Route(_)) => ResourceType::Route,
        Some(Kind::KeySet(_)) => ResourceType::KeySet,
        Some(Kind::LimitShare(_)) => ResourceType::LimitShare,
        None => ResourceType::Unspecified,
    }
}

/// The features of this build.
pub(crate) const SUPPORTED: &[&str] = feature::SUPPORTED;

#[cfg(test)]
pub(crate) mod tests;
