//! Helm, built from its Go module on first use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{target, toolchain};

const VERSION: &str = "v4.3.1";

/// The helm binary, built now if it never was. That takes some minutes.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn binary() -> anyhow::Result<PathBuf> {
    let directory = target::cache().join(format!("helm-{VERSION}"));
    let binary = directory.join("helm");
    target::once(&binary, || {
        let unfinished = directory.join("new");
        toolchain::run(
            Command::new(toolchain::go()?)
                .args(["install", "-trimpath", "-ldflags=-s -w"])
                .arg(format!("helm.sh/helm/v4/cmd/helm@{VERSION}"))
                .env("GOBIN", &unfinished)
                .env("CGO_ENABLED", "0")
                .env("GOTOOLCHAIN", "local")
                .env_remove("GOFLAGS"),
            "build helm (needs the Go module proxy)",
        )?;
        std::fs::rename(unfinished.join("helm"), &binary)?;
        Ok(())
    })?;
    Ok(binary)
}

/// The chart of this repository.
pub fn chart() -> PathBuf {
    target::repository().join("charts/lambdaroute")
}

/// Runs helm with nothing of the user's configuration and gives what it prints.
///
/// # Errors
/// When helm fails; the error has its words.
pub fn helm(arguments: &[&str], kubeconfig: Option<&Path>) -> anyhow::Result<String> {
    Ok(told(arguments, kubeconfig)?.0)
}

/// The same, with what it prints on standard error besides: its warnings, and what hooks print.
///
/// # Errors
/// When helm fails; the error has its words.
pub fn told(arguments: &[&str], kubeconfig: Option<&Path>) -> anyhow::Result<(String, String)> {
    let home = target::cache().join("helm-home");
    let output = Command::new(binary()?)
        .args(arguments)
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"))
        .env("HELM_DATA_HOME", home.join("data"))
        .env("KUBECONFIG", kubeconfig.unwrap_or_else(|| Path::new("/dev/null")))
        .output()
        .context("run helm")?;
    if !output.status.success() {
        bail!("helm {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

/// The objects that the chart renders to, as text that others apply.
///
/// # Errors
/// When helm refuses the values, or renders what isn't YAML.
pub fn template(release: &str, namespace: &str, values: &Value) -> anyhow::Result<Vec<Value>> {
    rendered(release, namespace, values, &[], None)
}

/// The objects of a release, hooks included, as Helm makes them where it talks to a cluster itself.
///
/// # Errors
/// The same, and when the cluster has something against them.
pub fn release(kubeconfig: &Path, release: &str, namespace: &str, values: &Value) -> anyhow::Result<Vec<Value>> {
    // The CRDs are there already, and nobody's.
    rendered(release, namespace, values, &["--dry-run=server", "--take-ownership"], Some(kubeconfig))
}

fn rendered(
    release: &str,
    namespace: &str,
    values: &Value,
    more: &[&str],
    kubeconfig: Option<&Path>,
) -> anyhow::Result<Vec<Value>> {
    let file = tempfile::Builder::new().suffix(".json").tempfile()?;
    serde_json::to_writer(file.as_file(), values)?;
    let (chart, values) = (chart(), file.path().to_string_lossy().into_owned());
    let chart = chart.to_string_lossy();
    let arguments = [&["template", release, &chart, "--namespace", namespace, "--values", &values], more].concat();
    objects(&helm(&arguments, kubeconfig)?)
}

/// The objects of a YAML text with several documents.
///
/// # Errors
/// When it isn't YAML.
pub fn objects(yaml: &str) -> anyhow::Result<Vec<Value>> {
    use serde::Deserialize;
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).context("read a rendered object"))
        .filter(|object| !matches!(object, Ok(Value::Null)))
        .collect()
}
