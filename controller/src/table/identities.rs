//! What proxies say of their AWS credentials, all together and for each route.

use std::collections::BTreeSet;

use super::event::Effect;
use super::pod::ProxyId;
use super::proxy::Credentials;
use super::state::State;
use crate::programming::{Identities, RouteId, TableEvent};

impl State {
    /// What proxies say of their AWS credentials: those that this route is given to, or, as long as it is given to none, all
    /// that are connected.
    pub fn identities(&self, id: &RouteId) -> Identities {
        match self.routes.get(id).filter(|entry| !entry.chosen.is_empty()) {
            Some(entry) => self.identities_of(&entry.chosen),
            None => self.identities.clone(),
        }
    }

    /// What these proxies say of their AWS credentials.
    pub(super) fn identities_of<'a>(&self, proxies: impl IntoIterator<Item = &'a ProxyId>) -> Identities {
        let (mut arns, mut unidentified, mut missing) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for proxy in proxies.into_iter().filter_map(|id| self.proxies.get(id)) {
            match &proxy.credentials {
                Some(Credentials::Arn(arn)) => arns.insert(arn.clone()),
                Some(Credentials::Unidentified(why)) => unidentified.insert(why.clone()),
                Some(Credentials::Missing(why)) => missing.insert(why.clone()),
                None => false,
            };
        }
        Identities {
            arns: arns.into_iter().collect(),
            unidentified: unidentified.into_iter().collect(),
            missing: missing.into_iter().collect(),
        }
    }

    /// What connected proxies say of their credentials, told when it has changed.
    pub(super) fn refresh_identities(&mut self, out: &mut Vec<Effect>) {
        let connected = self.proxies.iter().filter(|(_, proxy)| proxy.stream.is_some()).map(|(id, _)| id);
        let identities = self.identities_of(connected);
        if identities != self.identities {
            self.identities = identities;
            out.push(Effect::Tell(TableEvent::Identities));
        }
    }
}
