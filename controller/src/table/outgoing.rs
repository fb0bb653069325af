//! What a stream says next. It is made when the stream can take it: a slow proxy costs one mark per route, never a queue.

use std::collections::BTreeSet;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{
    Change, Left, Resource, ResourceRef, ResourceType, SnapshotBegin, SnapshotEnd, ToProxy, resource, to_proxy::Message,
};
use prost::Message as _;

use super::Auth;
use super::event::StreamId;
use super::pod::ProxyId;
use super::proxy::Phase;
use super::route::Held;
use super::state::State;
use crate::programming::RouteId;

/// The size in bytes from which on a piece takes no further route. One route is far smaller.
const PIECE_BYTES: usize = 64 * 1024;

impl State {
    /// The next message for a stream, if there is one. It counts as sent.
    pub fn next_message(&mut self, id: &ProxyId, stream: StreamId, now: Instant) -> Option<ToProxy> {
        self.begun?;
        let version = Some(self.version());
        let message = loop {
            let proxy = self.proxies.get_mut(id)?;
            let leaves = proxy.leaving_since.is_some();
            let stream = proxy.stream.as_mut().filter(|present| present.id == stream)?;
            match &mut stream.phase {
                Phase::Greeted => {
                    stream.phase = Phase::Snapshot(proxy.routes.clone());
                    break Message::SnapshotBegin(SnapshotBegin { version });
                }
                Phase::Snapshot(left) if left.is_empty() => {
                    stream.phase = Phase::Live;
                    break Message::SnapshotEnd(SnapshotEnd { version, kept: vec![] });
                }
                Phase::Snapshot(left) => {
                    let mut left = std::mem::take(left);
                    let change = self.piece(id, &mut left);
                    if let Some(stream) = self.proxies.get_mut(id).and_then(|proxy| proxy.stream.as_mut()) {
                        stream.phase = Phase::Snapshot(left);
                    }
                    if let Some(change) = change {
                        break Message::Change(change);
                    }
                }
                Phase::Live if !stream.dirty.is_empty() => {
                    let mut dirty = std::mem::take(&mut stream.dirty);
                    let change = self.piece(id, &mut dirty);
                    if let Some(stream) = self.proxies.get_mut(id).and_then(|proxy| proxy.stream.as_mut()) {
                        stream.dirty.append(&mut dirty);
                    }
                    if let Some(change) = change {
                        break Message::Change(change);
                    }
                }
                Phase::Live => {
                    if stream.left_sent || !leaves || !self.is_out(id, now) {
                        return None;
                    }
                    if let Some(stream) = self.proxies.get_mut(id).and_then(|proxy| proxy.stream.as_mut()) {
                        stream.left_sent = true;
                    }
                    break Message::Left(Left {});
                }
            }
        };
        Some(ToProxy { message: Some(message) })
    }

    /// Takes routes off `todo` until the message is big enough. None: nothing of them had to be sent.
    fn piece(&mut self, id: &ProxyId, todo: &mut BTreeSet<RouteId>) -> Option<Change> {
        let mut change = Change { version: Some(self.version()), set: vec![], removed: vec![] };
        let mut bytes = 0;
        while bytes < PIECE_BYTES
            && let Some(route_id) = todo.pop_first()
        {
            let Some(entry) = self.routes.get_mut(&route_id) else { continue };
            let Some(view) = entry.views.get_mut(id) else { continue };
            if view.sent == Some(view.version) {
                continue;
            }
            match entry.desired.as_ref().filter(|_| view.serve) {
                Some(desired) => {
                    let route = desired.route.clone();
                    view.version = view.version.max(entry.version);
                    let held = Held { version: Some(view.version), port: route.port, auth: Auth::of(&route) };
                    view.remember_sent(held);
                    let resource = Some(resource::Resource::Route(route));
                    let resource = Resource { id: route_id.0, version: Some(view.version), resource };
                    bytes += resource.encoded_len();
                    change.set.push(resource);
                }
                None => {
                    view.sent = Some(view.version);
                    let r#type = ResourceType::Route.into();
                    let removed = ResourceRef { r#type, id: route_id.0, version: Some(view.version) };
                    bytes += removed.encoded_len();
                    change.removed.push(removed);
                }
            }
        }
        (!change.set.is_empty() || !change.removed.is_empty()).then_some(change)
    }
}
