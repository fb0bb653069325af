//! Facts of the front door: who gets in, how long a change takes to arrive, what becomes of paths, queries and bodies.

use std::time::Instant;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::facts::Fact;
use super::lambda::{Lambda, shown};
use super::{Settings, wire};

struct Door<'a> {
    settings: &'a Settings,
    host: String,
}

impl Door<'_> {
    async fn call(&self, request: Request<Bytes>, signed: bool) -> anyhow::Result<Response<Bytes>> {
        let Settings { region, caller, endpoint, .. } = self.settings;
        wire::send(*endpoint, &self.host, region, signed.then_some(&caller.1), request).await
    }

    async fn get(&self, target: &str) -> anyhow::Result<Response<Bytes>> {
        self.call(Request::get(target).body(Bytes::new())?, true).await
    }

    /// Calls until the status is there; answers how long it took, and the last answer.
    async fn until(&self, status: StatusCode) -> anyhow::Result<(String, Response<Bytes>)> {
        let begun = Instant::now();
        loop {
            let answer = self.get("/").await?;
            let waited = begun.elapsed();
            if answer.status() == status || waited > self.settings.patience {
                return Ok((format!("{:.1} s: {}", waited.as_secs_f64(), shown(&answer)), answer));
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
}

/// Tries the door of the URL that there is. Leaves both statements.
pub(super) async fn calls(settings: &Settings, lambda: &Lambda, facts: &mut Vec<Fact>) -> anyhow::Result<()> {
    let config = lambda.url().await?.context("there is no URL config any more")?;
    let url = config["FunctionUrl"].as_str().context("no URL in the answer")?;
    let host = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let door = Door { settings, host };
    let unsigned = door.call(Request::get("/").body(Bytes::new())?, false).await?;
    facts.push(refused("a call that isn't signed", &unsigned));
    facts.push(refused("a call by a principal that nothing lets in", &door.get("/").await?));

    let principal = &settings.caller.0;
    let first = json!({"Action": "lambda:InvokeFunctionUrl", "Principal": principal, "FunctionUrlAuthType": "AWS_IAM"});
    let added = lambda.add("url", first).await?;
    ensure!(added.status() == StatusCode::CREATED, "AddPermission: {}", shown(&added));
    let read = lambda.statements().await?;
    let echoed = read.first().map(|it| it["Principal"].clone()).unwrap_or_default();
    facts.push(Fact::judged(
        "a role or user as principal",
        "{\"AWS\": its ARN}",
        echoed.to_string(),
        echoed == json!({"AWS": principal}),
    ));
    // Long enough that a statement that sufficed would have arrived.
    let begun = Instant::now();
    let mut alone = door.get("/").await?;
    while alone.status() != StatusCode::OK && begun.elapsed() < settings.patience / 6 {
        alone = door.get("/").await?;
    }
    facts.push(refused("a call with the first statement alone", &alone));
    let second = json!({"Action": "lambda:InvokeFunction", "Principal": principal, "InvokedViaFunctionUrl": true});
    let added = lambda.add("fn", second).await?;
    ensure!(added.status() == StatusCode::CREATED, "AddPermission: {}", shown(&added));
    let (took, answer) = door.until(StatusCode::OK).await?;
    let works = answer.status() == StatusCode::OK;
    facts.push(Fact::judged("a call with both statements; after how long", "200", took, works));
    ensure!(works, "no call gets through: the rest can't be tried");

    for (what, target) in [
        ("an encoded path", "/a%20b/%2Fc"),
        ("a path with two slashes", "//a"),
        ("a path with reserved characters", "/a:b@c,d;e=f"),
        ("a query in strict encoding", "/?q=%20x&k="),
        ("a query with a plus", "/?q=a+b"),
        ("a query whose name has no value", "/?k"),
        ("a query out of order", "/?b=2&a=1&a=0"),
    ] {
        let answer = door.get(target).await?;
        let seen: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let observed = format!("{} {target} arrives as {}?{}", answer.status().as_u16(), seen["path"], seen["query"]);
        facts.push(match what {
            "an encoded path" => {
                let whole = seen["path"] == "/a%20b/%2Fc";
                Fact::judged(what, "200, as it was sent", observed, answer.status() == StatusCode::OK && whole)
            }
            "a query in strict encoding" => Fact::judged(what, "200", observed, answer.status() == StatusCode::OK),
            _ => Fact::told(what, observed),
        });
    }
    for (what, kind, size) in [
        ("a binary body of 4 MiB", "application/octet-stream", 4 * 1024 * 1024),
        ("a binary body of 4.6 MB", "application/octet-stream", 4_600_000),
        ("a binary body of 6 MiB", "application/octet-stream", 6 * 1024 * 1024),
        ("a text of 5.9 MB", "text/plain", 5_900_000),
    ] {
        let request = Request::post("/").header("content-type", kind).body(Bytes::from(vec![b'a'; size]))?;
        let answer = door.call(request, true).await?;
        let seen: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let arrived = seen["body"]["size"].as_u64();
        let observed = arrived.map_or_else(|| shown(&answer), |size| format!("200, {size} bytes arrive"));
        facts.push(match what {
            "a binary body of 4 MiB" => Fact::judged(what, "200", observed, answer.status() == StatusCode::OK),
            _ => Fact::told(what, observed),
        });
    }
    if settings.endpoint.is_none() {
        let chosen = wire::protocol(&door.host).await?;
        facts.push(Fact::judged(
            "the protocol when HTTP/2 and HTTP/1.1 are offered",
            "http/1.1 or none",
            &chosen,
            chosen != "h2",
        ));
    }
    lambda.remove("fn").await?;
    let (took, answer) = door.until(StatusCode::FORBIDDEN).await?;
    let closed = answer.status() == StatusCode::FORBIDDEN;
    facts.push(Fact::judged("a call after the second statement went; after how long", "403", took, closed));
    Ok(())
}

fn refused(what: &'static str, answer: &Response<Bytes>) -> Fact {
    Fact::judged(what, "403 AccessDeniedException", shown(answer), answer.status() == StatusCode::FORBIDDEN)
}
