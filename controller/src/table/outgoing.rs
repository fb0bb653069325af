//! What a stream says next. It is made when the stream can take it: a slow proxy costs one mark per route and key set, never a
//! queue.

use std::collections::BTreeSet;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{
    Left, ResourceRef, ResourceType, SnapshotBegin, SnapshotEnd, ToProxy, Version, to_proxy::Message,
};

use super::event::StreamId;
use super::pod::ProxyId;
use super::proxy::{Phase, Stream};
use super::state::State;
use crate::programming::{KeySetId, RouteId};

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
                    break Message::SnapshotEnd(SnapshotEnd { version, kept: self.kept(id) });
                }
                Phase::Snapshot(left) => {
                    let mut routes = std::mem::take(left);
                    // A key set that changes meanwhile comes with its routes, or after the end.
                    let change = self.piece(id, &mut routes, &mut BTreeSet::new());
                    if let Some(stream) = self.stream_mut(id) {
                        stream.phase = Phase::Snapshot(routes);
                    }
                    if let Some(change) = change {
                        break Message::Change(change);
                    }
                }
                Phase::Live if !stream.dirty.is_empty() || !stream.dirty_key_sets.is_empty() => {
                    let mut routes: BTreeSet<RouteId> = std::mem::take(&mut stream.dirty);
                    let mut key_sets: BTreeSet<KeySetId> = std::mem::take(&mut stream.dirty_key_sets);
                    let change = self.piece(id, &mut routes, &mut key_sets);
                    if let Some(stream) = self.stream_mut(id) {
                        stream.dirty.append(&mut routes);
                        stream.dirty_key_sets.append(&mut key_sets);
                    }
                    if let Some(change) = change {
                        break Message::Change(change);
                    }
                }
                Phase::Live => {
                    if stream.left_sent || !leaves || !self.is_out(id, now) {
                        return None;
                    }
                    if let Some(stream) = self.stream_mut(id) {
                        stream.left_sent = true;
                    }
                    break Message::Left(Left {});
                }
            }
        };
        Some(ToProxy { message: Some(message) })
    }

    fn stream_mut(&mut self, id: &ProxyId) -> Option<&mut Stream> {
        self.proxies.get_mut(id)?.stream.as_mut()
    }

    /// The key sets that this proxy needs and that the snapshot doesn't have: those that this leader doesn't know yet, or has
    /// come to know since it told the routes. And routes that it is believed to serve and that can't be told yet: something that
    /// they refer to isn't there. Callers must not be turned away because the leader changed.
    fn kept(&self, id: &ProxyId) -> Vec<ResourceRef> {
        let needed = self.proxies.get(id).into_iter().flat_map(|proxy| &proxy.key_sets);
        let unsent = needed.filter(|key_set| {
            let view = self.key_sets.get(*key_set).and_then(|entry| entry.views.get(id));
            view.is_some_and(|view| !view.routes.is_empty() && view.sent.is_none())
        });
        let routes = self.proxies.get(id).into_iter().flat_map(|proxy| &proxy.routes).filter(|route| {
            let view = self.routes.get(*route).and_then(|entry| entry.views.get(id));
            view.is_some_and(|view| view.serve && view.served.is_some() && view.sent.is_none())
        });
        let kept = |r#type: ResourceType, id: &str| ResourceRef {
            r#type: r#type.into(),
            id: id.to_owned(),
            version: Some(Version::default()),
        };
        let key_sets = unsent.map(|key_set| kept(ResourceType::KeySet, &key_set.0));
        key_sets.chain(routes.map(|route| kept(ResourceType::Route, &route.0))).collect()
    }
}
