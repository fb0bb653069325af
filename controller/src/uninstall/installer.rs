//! Whose installation this is, by the mark that installers leave on what they make. It only reads.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt};

use super::Error;
use super::pauses::tried;

/// Fails unless the Deployment has the annotation, given as `KEY` or `KEY=VALUE`. Without the Deployment there is no controller
/// to end, and an uninstall that didn't come to its end goes on.
///
/// # Errors
/// [`Error::NotUninstalling`], or that the Deployment can't be read.
pub(super) async fn require(deployments: &Api<Deployment>, name: &str, wanted: &str) -> Result<(), Error> {
    let read = tried("read the deployment", async || deployments.get_opt(name).await).await;
    let found = read.map_err(|error| Error::Read(error.into()))?;
    match found {
        Some(deployment) if !is_marked(&deployment, wanted) => {
            Err(Error::NotUninstalling { name: name.to_owned(), wanted: wanted.to_owned() })
        }
        _ => Ok(()),
    }
}

fn is_marked(deployment: &Deployment, wanted: &str) -> bool {
    let (key, value) = wanted.split_once('=').map_or((wanted, None), |(key, value)| (key, Some(value)));
    deployment.annotations().get(key).is_some_and(|found| value.is_none_or(|value| found == value))
}

#[cfg(test)]
mod tests;
