//! One message's worth of changes for a proxy. A route comes after the key sets that it refers to and with its shares; a key set
//! goes only when no route of before it is left to be told.

use std::collections::BTreeSet;

use lambdaroute_proxy_config::v1alpha1::{
    Change, LimitShare, Resource, ResourceRef, ResourceType, Version, resource::Resource as Kind,
};
use prost::Message as _;

use super::Auth;
use super::key_set::Keys;
use super::pod::ProxyId;
use super::route::Held;
use super::state::State;
use crate::programming::{KeySetId, RouteId};
use crate::shares;

/// The size in bytes from which on a message takes nothing further. A resource that is larger comes alone.
const PIECE_BYTES: usize = 64 * 1024;

/// A message in the making.
struct Piece {
    change: Change,
    bytes: usize,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.change.set.is_empty() && self.change.removed.is_empty()
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || self.bytes + bytes <= PIECE_BYTES
    }

    fn set(&mut self, id: String, version: Option<Version>, resource: Kind) {
        let resource = Resource { id, version, resource: Some(resource) };
        self.bytes += resource.encoded_len();
        self.change.set.push(resource);
    }

    fn remove(&mut self, r#type: ResourceType, id: String, version: Option<Version>) {
        let removed = ResourceRef { r#type: r#type.into(), id, version };
        self.bytes += removed.encoded_len();
        self.change.removed.push(removed);
    }
}

impl State {
    /// Takes key sets and routes off what is to be looked at until the message is big enough. None: nothing had to be sent.
    pub(super) fn piece(
        &mut self,
        id: &ProxyId,
        routes: &mut BTreeSet<RouteId>,
        key_sets: &mut BTreeSet<KeySetId>,
    ) -> Option<Change> {
        let change = Change { version: Some(self.version()), set: vec![], removed: vec![] };
        let mut piece = Piece { change, bytes: 0 };
        let mut unneeded = BTreeSet::new();
        let mut full = false;
        while !full && let Some(key_set) = key_sets.pop_first() {
            if !self.needs(id, &key_set) {
                unneeded.insert(key_set);
            } else if !self.put_key_set(id, &key_set, &mut piece) {
                key_sets.insert(key_set);
                full = true;
            }
        }
        while !full && let Some(route) = routes.pop_first() {
            full = !self.put_route(id, &route, &mut piece);
            // What it has now may need other key sets; who sends this looks again at once.
            self.link(id, &route, &mut Vec::new());
            if full {
                routes.insert(route);
            }
        }
        // What these routes used goes in a message of its own, after theirs.
        if piece.is_empty() {
            for key_set in std::mem::take(&mut unneeded) {
                piece.remove(ResourceType::KeySet, key_set.0.clone(), Some(self.version()));
                self.drop_key_set_view(id, &key_set);
            }
        }
        key_sets.append(&mut unneeded);
        Some(piece.change).filter(|change| !change.set.is_empty() || !change.removed.is_empty())
    }

    fn needs(&self, id: &ProxyId, key_set: &KeySetId) -> bool {
        let view = self.key_sets.get(key_set).and_then(|entry| entry.views.get(id));
        view.is_some_and(|view| !view.routes.is_empty())
    }

    /// False: it has no room.
    fn put_key_set(&mut self, id: &ProxyId, key_set: &KeySetId, piece: &mut Piece) -> bool {
        let Some(entry) = self.key_sets.get_mut(key_set) else { return true };
        let version = Some(entry.version);
        let Some(view) = entry.views.get_mut(id).filter(|view| !view.routes.is_empty() && view.sent != version) else {
            return true;
        };
        match &entry.keys {
            Keys::Unknown => return true,
            Keys::Present(keys) => {
                if !piece.has_room(keys.encoded_len()) {
                    return false;
                }
                piece.set(key_set.0.clone(), version, Kind::KeySet((**keys).clone()));
            }
            Keys::Absent => piece.remove(ResourceType::KeySet, key_set.0.clone(), version),
        }
        view.sent = version;
        view.given = true;
        true
    }

    /// False: it, or a key set that it needs, has no room.
    fn put_route(&mut self, id: &ProxyId, route_id: &RouteId, piece: &mut Piece) -> bool {
        let Some(entry) = self.routes.get(route_id) else { return true };
        let bytes = entry.desired.as_ref().map(|desired| desired.route.encoded_len());
        if !piece.has_room(bytes.unwrap_or_default()) {
            return false;
        }
        let Some(view) = entry.views.get(id) else { return true };
        let anew = view.sent != Some(view.version);
        if entry.desired.is_none() || !view.serve {
            if anew {
                self.put_removal(id, route_id, piece);
            }
            return true;
        }
        for key_set in entry.key_sets.clone() {
            if anew && !self.put_key_set(id, &key_set, piece) {
                return false;
            }
        }
        let version = Some(self.version());
        let Some(entry) = self.routes.get_mut(route_id) else { return true };
        let (Some(desired), Some(view)) = (entry.desired.as_ref(), entry.views.get_mut(id)) else { return true };
        let kept: BTreeSet<&str> = view.shares.iter().map(|share| share.limit.as_str()).collect();
        for gone in view.shares_sent.iter().filter(|share| !kept.contains(share.limit.as_str())) {
            piece.remove(ResourceType::LimitShare, shares::id(gone), version);
        }
        for share in view.shares.iter().filter(|share| !view.shares_sent.contains(share)) {
            piece.set(shares::id(share), version, Kind::LimitShare(LimitShare::clone(share)));
        }
        view.shares_sent.clone_from(&view.shares);
        if anew && !desired.kept {
            let route = desired.route.clone();
            view.version = view.version.max(entry.version);
            let (auth, guard) = (Auth::of(&route), entry.guard.clone());
            view.remember_sent(Held { version: Some(view.version), port: route.port, auth, guard });
            // One that can't serve the route gets no keys to it.
            view.key_sets_sent = entry.key_sets.intersection(&view.key_sets).cloned().collect();
            piece.set(route_id.0.clone(), Some(view.version), Kind::Route(route));
        }
        true
    }

    fn put_removal(&mut self, id: &ProxyId, route_id: &RouteId, piece: &mut Piece) {
        let Some(view) = self.routes.get_mut(route_id).and_then(|entry| entry.views.get_mut(id)) else { return };
        let version = Some(view.version);
        view.sent = version;
        view.key_sets_sent.clear();
        view.shares.clear();
        for share in std::mem::take(&mut view.shares_sent) {
            piece.remove(ResourceType::LimitShare, shares::id(&share), version);
        }
        piece.remove(ResourceType::Route, route_id.0.clone(), version);
    }
}
