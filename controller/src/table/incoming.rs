//! What proxies say: hello, answers, reports, farewell.

use std::time::{Duration, Instant};

use lambdaroute_proxy_config::cause::Cause;
use lambdaroute_proxy_config::v1alpha1::{Outcome, Report, ResourceType, Version, outcome, report::Identity};

use super::event::{Close, Effect, StreamId};
use super::pod::ProxyId;
use super::proxy::{Credentials, Phase, Stream};
use super::state::{Alarm, State};
use crate::programming::{KeySetId, RouteId, TableEvent};
use crate::steady::steady;

/// The longest text of a proxy that is kept.
const LONGEST_TEXT: usize = 512;

/// How often a cause of a route is told to the reconciler at most.
const CAUSE_INTERVAL: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn hello(
        &mut self,
        id: &ProxyId,
        stream: StreamId,
        features: Vec<String>,
        table_version: Option<Version>,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        if !self.proxies.contains_key(id) {
            out.push(Effect::Close(stream, Close::PodGone));
            return;
        }
        if table_version.is_some_and(|version| Some(version.epoch) > self.epoch) {
            out.push(Effect::Close(stream, Close::Superseded));
            return;
        }
        self.close(id, Close::Replaced, out);
        let Some(proxy) = self.proxies.get_mut(id) else { return };
        let features = features.into_iter().collect();
        // What a proxy understands decides which routes it may be chosen for.
        self.generation += u64::from(!proxy.heard || proxy.features != features);
        proxy.features = features;
        proxy.stream = Some(Stream {
            id: stream,
            phase: Phase::Greeted,
            dirty: Default::default(),
            dirty_key_sets: Default::default(),
            left_sent: false,
        });
        proxy.lost_at = None;
        proxy.heard = true;
        proxy.had_table = table_version.is_some();
        if !proxy.pod.terminating {
            proxy.leaving_since = None;
        }
        for route in proxy.routes.clone() {
            let Some(entry) = self.routes.get_mut(&route) else { continue };
            // A new stream is a new chance: what was refused may be possible now.
            if entry.refusals.remove(id).is_some() {
                entry.chosen_from = None;
            }
            let Some(view) = entry.views.get_mut(id) else { continue };
            view.greet(table_version.is_some());
        }
        self.greet_key_sets(id, table_version.is_some());
        out.push(Effect::Wake(stream));
        self.proxy_changed(id, now, out);
    }

    pub(super) fn ended(&mut self, id: &ProxyId, stream: StreamId, now: Instant, out: &mut Vec<Effect>) {
        let Some(proxy) = self.proxies.get_mut(id).filter(|proxy| proxy.has_stream(stream)) else { return };
        proxy.stream = None;
        proxy.lost_at = Some(now);
        self.alarms.insert((now + self.settings.reconnect, Alarm::Proxies));
        self.refresh_identities(out);
        self.proxy_changed(id, now, out);
    }

    pub(super) fn leaving(&mut self, id: &ProxyId, stream: StreamId, now: Instant, out: &mut Vec<Effect>) {
        let Some(proxy) = self.proxies.get_mut(id).filter(|proxy| proxy.has_stream(stream)) else { return };
        proxy.leaving_since.get_or_insert(now);
        self.alarms.insert((now + self.settings.leaving, Alarm::Proxies));
        self.proxy_changed(id, now, out);
    }

    /// Whoever wants to leave may be out now.
    pub(super) fn wake_leaving(&self, out: &mut Vec<Effect>) {
        let leaving = self.proxies.values().filter(|proxy| proxy.leaving_since.is_some());
        let streams = leaving.filter_map(|proxy| proxy.stream.as_ref()).filter(|stream| !stream.left_sent);
        out.extend(streams.map(|stream| Effect::Wake(stream.id)));
    }

    pub(super) fn ack(
        &mut self,
        id: &ProxyId,
        stream: StreamId,
        outcomes: Vec<Outcome>,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        if !self.proxies.get_mut(id).is_some_and(|proxy| proxy.has_stream(stream)) {
            return;
        }
        for outcome in outcomes {
            let (Some(resource), Some(outcome)) = (outcome.resource, outcome.outcome) else { continue };
            let (r#type, Some(version)) = (resource.r#type(), resource.version) else { continue };
            match r#type {
                ResourceType::Route => {
                    let route = RouteId(resource.id);
                    self.outcome(id, &route, version, outcome);
                    self.settle(&route, now, out);
                }
                ResourceType::KeySet => {
                    self.key_set_outcome(id, &KeySetId(resource.id), version, outcome, now, out);
                }
                // Shares aren't acknowledged.
                ResourceType::LimitShare | ResourceType::Unspecified => {}
            }
        }
    }

    fn outcome(&mut self, id: &ProxyId, route: &RouteId, version: Version, outcome: outcome::Outcome) {
        let Some(entry) = self.routes.get_mut(route) else { return };
        let Some(view) = entry.views.get_mut(id) else { return };
        let answered = view.take_answered(version);
        match outcome {
            outcome::Outcome::Served(_) => {
                if let Some(held) = answered {
                    view.served = Some(held);
                    if version >= entry.version && entry.refusals.remove(id).is_some() {
                        entry.chosen_from = None;
                    }
                }
            }
            outcome::Outcome::Refused(refusal) => {
                view.served = None;
                if answered.is_some() && version >= entry.version {
                    entry.refusals.insert(id.clone(), plain(&refusal.detail));
                    entry.chosen_from = None;
                }
            }
            outcome::Outcome::Removed(_) if !view.serve && version >= view.version => {
                view.sent = None;
                view.served = None;
                view.outstanding.clear();
            }
            outcome::Outcome::Removed(_) => {}
        }
    }

    pub(super) fn report(
        &mut self,
        id: &ProxyId,
        stream: StreamId,
        report: Report,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        let Some(proxy) = self.proxies.get_mut(id).filter(|proxy| proxy.has_stream(stream)) else { return };
        let said = match report.identity {
            Some(Identity::IdentityArn(arn)) => Some(Credentials::Arn(plain(&arn))),
            Some(Identity::CredentialsError(why)) => Some(Credentials::Missing(steady(&plain(&why)))),
            Some(Identity::IdentityError(why)) => Some(Credentials::Unidentified(steady(&plain(&why)))),
            None => None,
        };
        if said.is_some() && said != proxy.credentials {
            proxy.credentials = said;
            out.extend(proxy.routes.iter().map(|route| Effect::Tell(TableEvent::Programming(route.clone()))));
        }
        self.refresh_identities(out);
        for count in report.causes {
            let cause = match count.cause.as_str() {
                "lambda_access_denied" => Cause::LambdaAccessDenied,
                "function_url_gone" => Cause::FunctionUrlGone,
                _ => continue,
            };
            let route = RouteId(count.route_id.clone());
            // A proxy may speak of its own routes only.
            let Some(entry) = self.routes.get_mut(&route).filter(|entry| entry.views.contains_key(id)) else {
                continue;
            };
            let recent = entry.causes.get(&cause).is_some_and(|told| now < *told + CAUSE_INTERVAL);
            if count.count > 0 && !recent {
                entry.causes.insert(cause, now);
                out.push(Effect::Tell(TableEvent::UpstreamCause { id: route, cause }));
            }
        }
        for key_set in report.stale_key_sets {
            self.stale_key_set(id, KeySetId(key_set), now, out);
        }
    }
}

/// A proxy's words, bounded and on one line: they reach status and logs.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect()
}
