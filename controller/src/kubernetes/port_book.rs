//! The allocation of ports with its memory: a rest is written to a ConfigMap before it counts, so that the next leader keeps
//! it too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::Mutex;

use super::{KubeError, MANAGER, failed};
use crate::ports::{CONTESTED, Claim, PortRange, Ports, Rest};
use crate::programming::RouteId;

struct Book {
    ports: Ports,
    /// Of the ConfigMap as we last wrote or read it.
    config_map: ConfigMap,
}

/// The ports of this leader.
pub struct PortBook {
    api: Api<ConfigMap>,
    book: Mutex<Book>,
    rest: SignedDuration,
}

impl PortBook {
    /// Reads the ConfigMap, making it where it is missing with these owners, and grants the claims of Services.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn open(
        client: Client,
        metadata: ObjectMeta,
        range: PortRange,
        rest: SignedDuration,
        claims: Vec<Claim>,
    ) -> Result<Self, KubeError> {
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let name = metadata.name.clone().unwrap_or_default();
        let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
        let found = api.get_opt(&name).await.map_err(failed("read the ports' ConfigMap"))?;
        let config_map = match found {
            Some(found) => found,
            None => {
                let fresh = ConfigMap { metadata, ..ConfigMap::default() };
                api.create(&params(), &fresh).await.map_err(failed("create the ports' ConfigMap"))?
            }
        };
        let ports = Ports::new(range, claims, read(&config_map), Timestamp::now());
        Ok(Self { api, book: Mutex::new(Book { ports, config_map }), rest })
    }

    /// The route's port, if it has one.
    pub async fn of(&self, id: &RouteId) -> Option<u16> {
        self.book.lock().await.ports.of(id)
    }

    /// The route's port, given now if it has none. None: the range is used up.
    pub async fn allocate(&self, id: &RouteId) -> Option<u16> {
        self.book.lock().await.ports.allocate(id)
    }

    /// Lets a route's port rest, remembered before this answers.
    ///
    /// # Errors
    /// [`KubeError`]: the port isn't free then.
    pub async fn rest(&self, id: &RouteId, now: Timestamp) -> Result<(), KubeError> {
        let mut book = self.book.lock().await;
        if book.ports.of(id).is_none() {
            return Ok(());
        }
        let mut ports = book.ports.clone();
        ports.rest(id, now);
        self.write(&mut book, ports).await
    }

    /// Lets a port rest that a Service without a route has, unless it is another route's by now.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn rest_unclaimed(&self, id: &RouteId, port: u16, now: Timestamp) -> Result<(), KubeError> {
        let mut book = self.book.lock().await;
        let mut ports = book.ports.clone();
        if !ports.rest_unclaimed(id, port, now) {
            return Ok(());
        }
        self.write(&mut book, ports).await
    }

    /// The routes whose ports rest. All of them are gone.
    pub async fn resting(&self) -> BTreeSet<RouteId> {
        let book = self.book.lock().await;
        let resting = book.ports.resting().values().filter(|rest| rest.uid != CONTESTED);
        resting.map(|rest| RouteId(rest.uid.clone())).collect()
    }

    /// Ends rests that are over.
    ///
    /// # Errors
    /// [`KubeError`]: they go on then.
    pub async fn wake(&self, now: Timestamp, removed: impl Fn(&RouteId) -> bool) -> Result<(), KubeError> {
        let mut book = self.book.lock().await;
        let mut ports = book.ports.clone();
        if !ports.wake(now, self.rest, removed) {
            return Ok(());
        }
        self.write(&mut book, ports).await
    }

    async fn write(&self, book: &mut Book, ports: Ports) -> Result<(), KubeError> {
        let name = book.config_map.metadata.name.clone().unwrap_or_default();
        let mut next = book.config_map.clone();
        next.data = Some(text(ports.resting()));
        let outcome = match next.metadata.resource_version {
            Some(_) => self.api.replace(&name, &params(), &next).await,
            None => self.api.create(&params(), &next).await,
        };
        match outcome {
            Ok(written) => {
                book.config_map = written;
                book.ports = ports;
                Ok(())
            }
            Err(source) => {
                // Somebody touched it: the next try carries its new resourceVersion. What rests is ours to say.
                match self.api.get_opt(&name).await {
                    Ok(Some(found)) => book.config_map.metadata = found.metadata,
                    Ok(None) => {
                        let metadata = &mut book.config_map.metadata;
                        (metadata.resource_version, metadata.uid, metadata.managed_fields) = (None, None, None);
                    }
                    Err(_) => {}
                }
                Err(KubeError { operation: "write the ports' ConfigMap", source })
            }
        }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

/// `"10001": "<uid> <since>"`: a ConfigMap holds 1 MiB.
fn text(resting: &BTreeMap<u16, Rest>) -> BTreeMap<String, String> {
    resting.iter().map(|(port, rest)| (port.to_string(), format!("{} {}", rest.uid, rest.since))).collect()
}

pub(crate) fn read(config_map: &ConfigMap) -> BTreeMap<u16, Rest> {
    let data = config_map.data.iter().flatten();
    data.filter_map(|(port, rest)| {
        let (uid, since) = rest.split_once(' ')?;
        Some((port.parse().ok()?, Rest { uid: uid.to_owned(), since: since.parse().ok()? }))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rests_is_read_back_as_it_was_written() {
        let since: Timestamp = "2026-11-21T09:30:00.5Z".parse().unwrap();
        let resting = BTreeMap::from([(10001, Rest { uid: "u1".into(), since })]);
        let config_map = ConfigMap { data: Some(text(&resting)), ..ConfigMap::default() };
        assert_eq!(read(&config_map), resting);
        assert!(read(&ConfigMap::default()).is_empty());
    }
}
