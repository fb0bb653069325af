//! The routes' listeners: one port each, bound, swapped in place and closed as the table says. An outcome is given when it
//! is true: after the port is bound, or after the listener is closed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::{
    Outcome, RefusalReason, Removed, Resource, ResourceRef, ResourceType, Route, Served, outcome,
};
use mio::Token;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, listen, socket_with};

use crate::acceptor::Acceptor;
use crate::connection::Slot;
use crate::kept::Kept;
use crate::key_sets::KeySets;
use crate::limit::admission::RouteLimits;
use crate::limit::registry::Limits;
use crate::metrics::Metrics;
use crate::served_route::ServedRoute;
use crate::table::{ShareStep, Step, refusal};
use crate::upstream::Origin;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// What all listeners share.
pub(crate) struct Setting {
    pub(crate) address: IpAddr,
    /// Dialled in place of each function URL.
    pub(crate) endpoint: Option<Arc<Origin>>,
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) key_sets: Arc<KeySets>,
}

struct Listener {
    port: u16,
    /// The version that is served: the same one is not made again.
    kept: Kept,
    slot: Arc<Slot>,
    /// At the acceptor.
    token: Token,
}

/// See the module.
pub(crate) struct Listeners {
    setting: Setting,
    serving: HashMap<Arc<str>, Listener>,
    /// Routes whose port couldn't be bound; tried again.
    waiting: BTreeMap<String, (ResourceRef, Arc<Resource>, Kept)>,
    refused: HashSet<String>,
}

impl Listeners {
    pub(crate) fn new(setting: Setting) -> Self {
        Listeners { setting, serving: HashMap::new(), waiting: BTreeMap::new(), refused: HashSet::new() }
    }

    /// Takes shares of the routes' limits. No route is touched.
    pub(crate) fn share(&self, steps: Vec<ShareStep>) {
        for step in steps {
            self.setting.limits.set_share(step, Instant::now());
        }
    }

    /// Of a route: whether it is served, waits for its port, or is refused.
    pub(crate) fn state(&self, id: &str) -> &'static str {
        if self.serving.contains_key(id) {
            "serving"
        } else if self.waiting.contains_key(id) {
            "waiting"
        } else {
            "refused"
        }
    }

    /// Does the steps; the outcomes are true when this returns.
    pub(crate) fn program(&mut self, steps: Vec<Step>) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        for step in &steps {
            // An id is unique among resources of its type alone.
            if let Step::Remove(resource) | Step::Refuse(resource, ..) = step
                && resource.r#type() == ResourceType::Route
            {
                self.waiting.remove(&resource.id);
                self.refused.remove(&resource.id);
                self.close(&resource.id);
            }
        }
        for step in steps {
            outcomes.push(match step {
                Step::Remove(resource) => done(resource, outcome::Outcome::Removed(Removed {})),
                Step::Refuse(resource, reason, detail) => {
                    tracing::warn!(id = resource.id, reason = reason.as_str_name(), detail, "route refused");
                    self.refused.insert(resource.id.clone());
                    refusal(resource, reason, detail)
                }
                Step::Serve(reference, resource, kept) => {
                    self.refused.remove(&reference.id);
                    self.serve(reference, resource, kept)
                }
            });
        }
        self.count();
        outcomes
    }

    /// Tries the ports again that couldn't be bound. Only news is told.
    pub(crate) fn retry(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        // Not emptied before: what waits still is not told again.
        for (reference, resource, kept) in self.waiting.values().cloned().collect::<Vec<_>>() {
            let outcome = self.serve(reference, resource, kept);
            if matches!(outcome.outcome, Some(outcome::Outcome::Served(_))) {
                outcomes.push(outcome);
            }
        }
        self.count();
        outcomes
    }

    /// Whether there is something to try again.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn serve(&mut self, reference: ResourceRef, resource: Arc<Resource>, kept: Kept) -> Outcome {
        let id: Arc<str> = match self.serving.get_key_value(reference.id.as_str()) {
            Some((id, _)) => id.clone(),
            None => reference.id.as_str().into(),
        };
        let (route, port) = match parts(&resource) {
            Some(parts) => parts,
            None => return refusal(reference, RefusalReason::Invalid, "not a route".to_owned()),
        };
        if let Some(listener) = self.serving.get_mut(&id)
            && listener.port == port
        {
            if listener.kept.says_the_same(&kept) {
                return done(reference, outcome::Outcome::Served(Served {}));
            }
            let previous = listener.slot.load_full();
            return match self.setting.served_route(&id, route, previous.as_deref()) {
                Ok(served) => {
                    listener.slot.store(Some(Arc::new(served)));
                    listener.kept = kept;
                    done(reference, outcome::Outcome::Served(Served {}))
                }
                Err(detail) => self.stop(reference, RefusalReason::Invalid, detail),
            };
        }
        let previous = self.serving.get(&id).and_then(|listener| listener.slot.load_full());
        let served = match self.setting.served_route(&id, route, previous.as_deref()) {
            Ok(served) => served,
            Err(detail) => return self.stop(reference, RefusalReason::Invalid, detail),
        };
        match self.setting.listen(port, kept.clone(), served) {
            Ok(listener) => {
                self.waiting.remove(&*id);
                if let Some(old) = self.serving.insert(id, listener) {
                    self.setting.close(&old);
                }
                done(reference, outcome::Outcome::Served(Served {}))
            }
            Err(error) => {
                if !self.waiting.contains_key(&*id) {
                    tracing::warn!(namespace = route.namespace, name = route.name, port, %error, "can't bind a route's port; trying on");
                }
                let detail = format!("port {port} can't be bound: {error}");
                let outcome = self.stop(reference.clone(), RefusalReason::PortUnavailable, detail);
                self.waiting.insert(id.as_ref().to_owned(), (reference, resource, kept));
                outcome
            }
        }
    }

    /// No version of the route is served any more.
    fn stop(&mut self, reference: ResourceRef, reason: RefusalReason, detail: String) -> Outcome {
        self.waiting.remove(&reference.id);
        self.close(&reference.id);
        refusal(reference, reason, detail)
    }

    fn close(&mut self, id: &str) {
        if let Some(listener) = self.serving.remove(id) {
            self.setting.close(&listener);
        }
    }

    fn count(&self) {
        self.setting.metrics.set_routes(self.serving.len(), self.waiting.len(), self.refused.len());
    }
}

impl Setting {
    fn served_route(
        &self,
        id: &Arc<str>,
        route: &Route,
        previous: Option<&ServedRoute>,
    ) -> Result<ServedRoute, String> {
        let metrics = self.metrics.route(&route.namespace, &route.name);
        let limits = self.limits.of_route(id, route, Instant::now()).map_err(|error| error.to_string())?;
        metrics.set_limits(limits.as_ref().map(RouteLimits::counts).unwrap_or_default());
        ServedRoute::new(id, route, self.endpoint.as_ref(), metrics, limits, &self.key_sets, previous)
            .map_err(|error| error.to_string())
    }

    fn listen(&self, port: u16, kept: Kept, served: ServedRoute) -> io::Result<Listener> {
        let listener = bind(SocketAddr::new(self.address, port))?;
        let address = listener.local_addr()?;
        tracing::info!(what = "route", address = %address, namespace = served.namespace(), name = served.name(), "listening");
        let slot = Arc::new(Slot::from_pointee(served));
        let token = self.acceptor.open(listener, slot.clone())?;
        Ok(Listener { port, kept, slot, token })
    }

    /// Returns when the port is closed. Its connections answer 503 to what comes and end.
    fn close(&self, listener: &Listener) {
        listener.slot.store(None);
        self.acceptor.close(listener.token);
    }
}

/// Binds and listens, without blocking. `::` is both families, or IPv4 alone where the host has no IPv6.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match bound(address) {
        Err(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) if address.ip().is_unspecified() && address.is_ipv6() => {
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
        }
        bound => Ok(bound?.into()),
    }
}

fn bound(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn parts(resource: &Resource) -> Option<(&Route, u16)> {
    match &resource.resource {
        Some(Kind::Route(route)) => Some((route, u16::try_from(route.port).ok()?)),
        _ => None,
    }
}

fn done(resource: ResourceRef, outcome: outcome::Outcome) -> Outcome {
    Outcome { resource: Some(resource), outcome: Some(outcome) }
}
