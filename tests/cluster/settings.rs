//! Where the suite's cluster, images and AWS are: variables of our own, nothing else. `KUBECONFIG` and `AWS_*` are never
//! read, so that the suite never writes to whatever a shell happens to point at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;

/// The suite's settings, with the variable that gives each.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `LAMBDAROUTE_CLUSTER_KUBECONFIG`: an administrator's kubeconfig. Absent: the suite is skipped.
    pub(crate) kubeconfig: PathBuf,
    /// `LAMBDAROUTE_CLUSTER_IMAGE_IMPORT`: a shell command that brings the images in. Absent: they are there already or
    /// can be pulled.
    pub(crate) image_import: Option<String>,
    /// `LAMBDAROUTE_CLUSTER_CONTROLLER_IMAGE`: name and tag.
    pub(crate) controller_image: String,
    /// `LAMBDAROUTE_CLUSTER_PROXY_IMAGE`: name and tag.
    pub(crate) proxy_image: String,
    /// `LAMBDAROUTE_CLUSTER_CALLER_IMAGE`: name and tag of the ordinary pods' image, whose entry point is `caller`.
    pub(crate) caller_image: String,
    /// `LAMBDAROUTE_CLUSTER_SSL_CERT_FILE`: where the images have their CA certificates, if they don't say so themselves.
    pub(crate) ssl_cert_file: Option<String>,
    /// `LAMBDAROUTE_CLUSTER_AWS_LISTEN`: an address of this host that pods reach, for the AWS emulator that the suite
    /// starts; a port of 0 takes any.
    pub(crate) aws_listen: SocketAddr,
    /// `LAMBDAROUTE_CLUSTER_AWS_ENDPOINT`: the same place as pods see it, if that differs: a URL.
    pub(crate) aws_endpoint: Option<String>,
}

impl Settings {
    /// `None` without a kubeconfig.
    pub(crate) fn from_environment() -> anyhow::Result<Option<Self>> {
        let read =
            |name: &str| std::env::var(format!("LAMBDAROUTE_CLUSTER_{name}")).ok().filter(|text| !text.is_empty());
        let Some(kubeconfig) = read("KUBECONFIG") else { return Ok(None) };
        let image =
            |name: &str, default: &str| read(name).unwrap_or_else(|| format!("localhost/lambdaroute-{default}:test"));
        let listen = read("AWS_LISTEN").unwrap_or_else(|| Ipv4Addr::LOCALHOST.to_string());
        let aws_listen = listen.parse().or_else(|_| listen.parse().map(|address| SocketAddr::new(address, 0)));
        Ok(Some(Self {
            kubeconfig: kubeconfig.into(),
            image_import: read("IMAGE_IMPORT"),
            controller_image: image("CONTROLLER_IMAGE", "controller"),
            proxy_image: image("PROXY_IMAGE", "proxy"),
            caller_image: image("CALLER_IMAGE", "caller"),
            ssl_cert_file: read("SSL_CERT_FILE"),
            aws_listen: aws_listen.context("LAMBDAROUTE_CLUSTER_AWS_LISTEN is no address: give IP or IP:PORT")?,
            aws_endpoint: read("AWS_ENDPOINT"),
        }))
    }
}
