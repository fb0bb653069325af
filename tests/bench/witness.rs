//! Sees before anything is measured that each contender does what it is measured for: the request that arrives has its
//! body whole, and if it is to be signed, it is, as AWS wants it, and no longer holds the caller's key.

use std::time::SystemTime;

use anyhow::{Context, ensure};
use http::{HeaderMap, HeaderName, HeaderValue};
use lambdaroute_load::{Load, Until, run};
use lambdaroute_tests::credentials::{Identity, KnownKeys};
use lambdaroute_tests::signature::{Wire, verify};

use crate::contenders::{Contenders, Entrance};
use crate::upstream::{API_KEY, REGION, credentials};
use crate::workload::Workload;

/// See the module.
pub(crate) async fn all_do_their_work(contenders: &Contenders) -> anyhow::Result<()> {
    for entrance in &contenders.entrances {
        for workload in [Workload::Get, Workload::Post100K, Workload::Post5M] {
            one(contenders, entrance, workload)
                .with_context(|| format!("{}, {:?}, {}", entrance.who.title(), entrance.transport, workload.title()))?;
        }
    }
    Ok(())
}

fn one(contenders: &Contenders, entrance: &Entrance, workload: Workload) -> anyhow::Result<()> {
    let origin = contenders.upstreams.origin(entrance.transport);
    origin.capture();
    let request = workload.request();
    let until = Until::Requests(1);
    run(&Load { target: entrance.target, request: &request, connections: 1, rate: None, until })?;
    let captured = origin.captured().context("no request arrived")?;
    ensure!(captured.body.len() == workload.body(), "{} bytes arrived", captured.body.len());
    if !entrance.who.signs() {
        return Ok(());
    }
    let head = String::from_utf8(captured.head)?;
    ensure!(!head.contains(API_KEY), "the caller's key went on");
    let (method, target, headers) = parse(&head)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let keys = KnownKeys::default();
    let arn = "arn:aws:iam::111122223333:role/proxies".to_owned();
    keys.add(Identity { credentials: credentials(), arn, may_invoke: true });
    let wire = Wire { method: &method, path, query, headers: &headers, body: &captured.body };
    verify(wire, &keys, "lambda", REGION, SystemTime::now()).map_err(|refused| anyhow::anyhow!("{refused}: {head}"))?;
    Ok(())
}

fn parse(head: &str) -> anyhow::Result<(String, String, HeaderMap)> {
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().context("a method")?, first.next().context("a target")?);
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').context("a header")?;
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value.trim())?);
    }
    Ok((method, target, headers))
}
