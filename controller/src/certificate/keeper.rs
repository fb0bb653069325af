//! Keeps Secret and ConfigMap true and the server's certificate shown. Only the leader writes; a standby reads.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use tracing::{info, warn};

use super::material::Material;
use super::renewal::{Renewal, what_to_renew};
use super::{Error, Lifetimes, issue};
use crate::leadership::Leadership;
use crate::readiness::Requirement;
use crate::server::tls::Shown;
use crate::slices::FIELD_MANAGER;

/// The ConfigMap's key that proxies mount.
const BUNDLE: &str = "ca.crt";
/// Since when the bundle stands in the ConfigMap as it is.
const PUBLISHED: &str = "lambdaroute.dev/published-at";
/// How long one write may take.
const LONGEST: Duration = Duration::from_secs(5);
/// Steps in one look; each is followed by the next at once.
const STEPS: usize = 4;

/// Where the certificate is kept.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// The Secret's and ConfigMap's namespace, as APIs.
    pub secrets: Api<Secret>,
    /// See above.
    pub configmaps: Api<ConfigMap>,
    /// The Secret's name.
    pub secret: String,
    /// The ConfigMap's name.
    pub configmap: String,
    /// Who they belong to.
    pub owner: Option<OwnerReference>,
    /// How long certificates live.
    pub lifetimes: Lifetimes,
    /// How often to look.
    pub interval: Duration,
    /// The certificate that the server shows.
    pub shown: Shown,
}

impl Keeper {
    /// Shows what another replica keeps; never ends.
    pub async fn read(&self, ready: &Requirement) {
        loop {
            match self.secret().await {
                Ok(secret) => self.show(&Material::read(&secret.data.unwrap_or_default()), ready),
                Err(error) => warn!(error = %error, "can't read the certificate, trying on"),
            }
            // Before the first leader has made one: soon again.
            let wait = if ready.is_met() { self.interval } else { self.interval.min(Duration::from_secs(1)) };
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes, renews and shows it; never ends.
    pub async fn keep(&self, leadership: &Leadership, ready: &Requirement) {
        loop {
            match self.look(leadership).await {
                Ok(material) => self.show(&material, ready),
                Err(error) => warn!(error = %error, "can't keep the certificate, trying on"),
            }
            let wait = if ready.is_met() { self.interval } else { self.interval.min(Duration::from_secs(1)) };
            tokio::time::sleep(wait).await;
        }
    }

    fn show(&self, material: &Material, ready: &Requirement) {
        let Some(leaf) = &material.leaf else { return };
        match self.shown.show(&leaf.certificate, &leaf.key) {
            Ok(()) => ready.met(),
            Err(error) => warn!(error = %error, "can't show the certificate"),
        }
    }

    async fn look(&self, leadership: &Leadership) -> Result<Material, Error> {
        let mut secret = self.secret().await?;
        let mut material = Material::read(&secret.data.clone().unwrap_or_default());
        for _ in 0..STEPS {
            let now = Timestamp::now().as_second();
            let published = match &material.ca {
                Some(_) => Some(self.publish(&material.bundle(), now, leadership).await?),
                None => None,
            };
            let Some(renewal) = what_to_renew(now, &material.facts(published), &self.lifetimes) else { break };
            material = self.renewed(material, renewal, now)?;
            secret.data = Some(material.data());
            secret = self.write(secret, leadership).await?;
            info!(renewal = ?renewal, "certificates renewed");
        }
        Ok(material)
    }

    fn renewed(&self, old: Material, renewal: Renewal, now: i64) -> Result<Material, Error> {
        let mut new = old;
        match renewal {
            Renewal::Everything => {
                new = Material { ca: Some(issue::ca(now, self.lifetimes.ca)?), ..Material::default() };
            }
            Renewal::NextCa => new.next_ca = Some(issue::ca(now, self.lifetimes.ca)?),
            Renewal::Promote => {
                new.previous_ca = new.ca.take().map(|ca| ca.certificate);
                new.ca = new.next_ca.take();
            }
            Renewal::ForgetPreviousCa => new.previous_ca = None,
            Renewal::Leaf => {}
        }
        if matches!(renewal, Renewal::Everything | Renewal::Promote | Renewal::Leaf) {
            let ca = new.ca.as_ref().ok_or(Error::Unreadable("ca.crt"))?;
            let ends = super::material::validity(&ca.certificate).ok_or(Error::Unreadable("ca.crt"))?.not_after;
            new.leaf = Some(issue::leaf(now, self.lifetimes.leaf, ca, ends)?);
        }
        Ok(new)
    }

    async fn secret(&self) -> Result<Secret, Error> {
        let found = self.secrets.get_opt(&self.secret).await;
        let found = found.map_err(|source| self.failed("read the secret", &self.secret, source))?;
        Ok(found.unwrap_or_else(|| Secret { metadata: self.metadata(&self.secret), ..Secret::default() }))
    }

    /// A Secret without a resourceVersion isn't there yet. Both ways refuse to overwrite what was written meanwhile.
    async fn write(&self, secret: Secret, leadership: &Leadership) -> Result<Secret, Error> {
        let budget = leadership.budget(LONGEST).ok_or(Error::NotLeading)?;
        let write = async {
            match secret.metadata.resource_version {
                None => self.secrets.create(&params(), &secret).await,
                Some(_) => self.secrets.replace(&self.secret, &params(), &secret).await,
            }
        };
        let written = tokio::time::timeout(budget, write).await.map_err(|_| Error::NotLeading)?;
        written.map_err(|source| self.failed("write the secret", &self.secret, source))
    }

    /// Has the bundle stand in the ConfigMap; since when it does.
    async fn publish(&self, bundle: &str, now: i64, leadership: &Leadership) -> Result<i64, Error> {
        let found = self.configmaps.get_opt(&self.configmap).await;
        let found = found.map_err(|source| self.failed("read the configmap", &self.configmap, source))?;
        let is_new = found.is_none();
        let mut configmap =
            found.unwrap_or_else(|| ConfigMap { metadata: self.metadata(&self.configmap), ..ConfigMap::default() });
        let stands = configmap.data.as_ref().and_then(|data| data.get(BUNDLE)).is_some_and(|text| text == bundle);
        let since = configmap.metadata.annotations.as_ref().and_then(|map| map.get(PUBLISHED)?.parse().ok());
        if let Some(since) = since.filter(|since| stands && *since <= now) {
            return Ok(since);
        }
        configmap.data.get_or_insert_default().insert(BUNDLE.to_owned(), bundle.to_owned());
        configmap.metadata.annotations.get_or_insert_default().insert(PUBLISHED.to_owned(), now.to_string());
        let budget = leadership.budget(LONGEST).ok_or(Error::NotLeading)?;
        let write = async {
            match is_new {
                true => self.configmaps.create(&params(), &configmap).await,
                false => self.configmaps.replace(&self.configmap, &params(), &configmap).await,
            }
        };
        let written = tokio::time::timeout(budget, write).await.map_err(|_| Error::NotLeading)?;
        written.map_err(|source| self.failed("write the configmap", &self.configmap, source))?;
        Ok(now)
    }

    fn metadata(&self, name: &str) -> ObjectMeta {
        let labels = [("app.kubernetes.io/managed-by".to_owned(), FIELD_MANAGER.to_owned())];
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from(labels)),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    fn failed(&self, doing: &str, name: &str, source: kube::Error) -> Error {
        Error::Api { doing: format!("{doing} {name:?}"), source }
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
