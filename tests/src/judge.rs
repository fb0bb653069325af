//! botocore as the judge of signatures: signs the same requests with the same key at the same moment.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::credentials::AwsCredentials;
use crate::venv::Venv;

const PROGRAM: &str = include_str!("../judge/sign.py");

/// A request to be signed, complete with every header that goes into the signature but the ones that signing adds.
#[derive(Debug, Clone, Serialize)]
pub struct Unsigned {
    /// `GET`, …
    pub method: String,
    /// `https://host/path?query`, encoded as on the wire.
    pub url: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// The body in standard base64.
    #[serde(rename = "body")]
    pub body_base64: String,
    /// Who signs.
    pub credentials: AwsCredentials,
    /// The scope's Region.
    pub region: String,
    /// The scope's service.
    pub service: String,
    /// `YYYYMMDDTHHMMSSZ`.
    pub timestamp: String,
}

/// The headers that botocore's signature adds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signed {
    /// `Authorization`.
    pub authorization: String,
    /// `X-Amz-Date`.
    #[serde(rename = "x-amz-date")]
    pub date: String,
    /// `X-Amz-Security-Token`.
    #[serde(rename = "x-amz-security-token")]
    pub security_token: Option<String>,
}

/// Signs all of them, in order.
pub async fn sign(venv: &Venv, requests: &[Unsigned]) -> anyhow::Result<Vec<Signed>> {
    let mut lines = Vec::new();
    for request in requests {
        serde_json::to_writer(&mut lines, request)?;
        lines.push(b'\n');
    }
    let mut process = Command::new(venv.python())
        .args(["-c", PROGRAM])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start botocore")?;
    let mut input = process.stdin.take().context("botocore has no stdin")?;
    // Written while its answers are read: either pipe may fill.
    let writing = tokio::spawn(async move { input.write_all(&lines).await });
    let output = process.wait_with_output().await?;
    writing.await??;
    ensure!(output.status.success(), "botocore failed: {}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Signed> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>()?;
    ensure!(answers.len() == requests.len(), "botocore answered {} of {}", answers.len(), requests.len());
    Ok(answers)
}

/// Runs a program that prints signed requests, and lets botocore check each. Returns how many were checked.
///
/// # Errors
/// The first that differs, or what the program says.
pub async fn check(venv: &Venv, signer: &Path, arguments: &[String]) -> anyhow::Result<u64> {
    let mut signing = Command::new(signer)
        .args(arguments)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", signer.display()))?;
    let requests: Stdio = signing.stdout.take().context("the signer has no stdout")?.try_into()?;
    let output = Command::new(venv.python())
        .args(["-c", PROGRAM, "check"])
        .env_clear()
        .stdin(requests)
        .kill_on_drop(true)
        .output()
        .await
        .context("run botocore")?;
    ensure!(output.status.success(), "botocore failed: {}", String::from_utf8_lossy(&output.stderr));
    let status = signing.wait().await?;
    ensure!(status.success(), "{} {arguments:?} ended with {status}", signer.display());
    let said = String::from_utf8(output.stdout)?;
    let first: serde_json::Value = serde_json::from_str(said.lines().next().unwrap_or_default())?;
    first["checked"].as_u64().with_context(|| format!("botocore signs this differently: {first}"))
}
