//! The references of flags, metrics, problems and conditions in `docs/`, written from the binaries themselves and from the closed
//! lists of causes and reasons, so that they can't say anything else.
//! `UPDATE_REFERENCES=1 cargo test -p lambdaroute-tests --test e2e -- references::` writes them.

use std::fmt::Write;
use std::process::Command;

use http::StatusCode;
use lambdaroute_crds::condition::ConditionType;
use lambdaroute_proxy_config::cause::{Cause, Owner};
use lambdaroute_tests::components::Binary;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use lambdaroute_tests::target;
use serde_json::json;

/// Compares a generated text with the file, or writes it.
fn hold(file: &str, text: &str) -> anyhow::Result<()> {
    let path = target::repository().join("docs").join(file);
    if std::env::var_os("UPDATE_REFERENCES").is_some() {
        std::fs::write(&path, text)?;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "docs/{file} is stale: UPDATE_REFERENCES=1 cargo test -p lambdaroute-tests --test e2e -- references::"
    );
    Ok(())
}

#[test]
fn the_flags_are_those_of_the_binaries() -> anyhow::Result<()> {
    let mut text =
        "# Flags\n\nGenerated from the binaries' own `--help`: don't edit. The chart sets most of them from its \
                    [values](../charts/lambdaroute/values.yaml); `extraArgs` takes the others.\n"
            .to_owned();
    for (binary, command) in [(Binary::Controller, ""), (Binary::Controller, " uninstall"), (Binary::Proxy, "")] {
        let arguments = command.split_whitespace().chain(["--help"]);
        let output = Command::new(binary.path()?).args(arguments).env_clear().output()?;
        let help = String::from_utf8(output.stdout)?;
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {}{command}\n\n```text\n{}\n```\n", binary.name(), lines.join("\n").trim());
    }
    hold("flags.md", &text)
}

#[test]
fn the_problems_are_those_of_the_one_set() -> anyhow::Result<()> {
    let mut text = "# Problems\n\nGenerated from the set of causes (`proxy/config/src/cause.rs`): don't edit.\n\n\
                    When a request isn't answered by the function itself, the answer says why, in one word: as the last part of \
                    `type` in the problem body ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), as `details` of \
                    `Proxy-Status` ([RFC 9209](https://www.rfc-editor.org/rfc/rfc9209)), as the label `cause` of the \
                    [metrics](metrics.md), and as `cause` in the logs. Programs get `application/problem+json`, browsers a \
                    page that says the same. An answer of the function itself passes untouched, whatever its status.\n"
        .to_owned();
    for (owner, title, intro) in [
        (Owner::Caller, "The caller's", "Whoever sent the request must change something."),
        (Owner::Proxy, "The proxy's", "The request was fine; the proxy or the route couldn't take it."),
        (Owner::Aws, "AWS's", "AWS, or the way to it, refused or failed in place of the function."),
        (Owner::Function, "The function's", "The function's own code failed."),
    ] {
        let _ = write!(text, "\n## {title}\n\n{intro}\n");
        for cause in Cause::ALL.iter().filter(|cause| cause.owner() == owner) {
            let _ = write!(
                text,
                "\n### {}\n\n{}: {}. {}\n\n- **As the caller:** {}\n- **As the operator:** {}\n",
                cause.as_str(),
                cause.status(),
                cause.title(),
                cause.meaning(),
                cause.caller(),
                cause.operator(),
            );
        }
    }
    hold("problems.md", &text)
}

#[test]
fn the_conditions_are_those_of_the_closed_list() -> anyhow::Result<()> {
    let mut text = "# Conditions\n\nGenerated from the closed list (`crds/src/condition.rs`): don't edit.\n\nA LambdaRoute's \
                    status says in conditions how it is. Each has a status, a reason of this list, and a message with what \
                    is meant here: the AWS action, the resource, the principal, AWS's code, and what to do. `Ready` sums \
                    them up. Request ids are in the Events, since they change on every try.\n"
        .to_owned();
    for type_ in ConditionType::ALL {
        let _ = write!(text, "\n## {type_}\n\n{}\n", type_.meaning());
        if !type_.reasons().is_empty() {
            text.push_str("\n| status | reason | meaning | what to do |\n|---|---|---|---|\n");
        }
        for (status, reason) in type_.reasons() {
            let (meaning, remedy) = reason.told();
            let _ = writeln!(text, "| {} | {reason} | {meaning} | {remedy} |", status.as_str());
        }
    }
    hold("conditions.md", &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_those_of_the_processes() -> anyhow::Result<()> {
    // A metric shows from its first sample: one call that succeeds, one that AWS refuses, and keys of two sources.
    let namespace = format!("metrics-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let values = json!({"controller": {"secretNamespaces": [namespace]}});
    let shape = Shape { proxies: 1, values, namespace: Some(namespace), ..Shape::default() };
    let stack = Stack::with("metrics", shape).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    stack.secret("keys", &[("web", "web-key-0123456789abcdef")]).await?;
    let guarded = "auth: {methods: [
        {name: pods, type: ServiceAccount, serviceAccount: {allow: [{namespace: web, name: checkout}]}},
        {name: keys, type: APIKey, apiKey: {secretRefs: [{name: keys}]}}]}";
    stack.route("guarded", &format!("function: {{name: {}}}\n{guarded}", function.name())).await?;
    stack.until("guarded", "ResolvedRefs", "True", "ResolvedRefs").await?;
    let url = stack.url("orders").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    let function_url = function.url(None).await?.unwrap_or_default();
    let _throttled = stack.aws.on(Match::function_url(&function_url)).answer(Answer::throttled());
    assert_eq!(get(&url).await?.cause().as_deref(), Some("lambda_throttled"));
    let controller = stack
        .eventually("the proxy's report of it", async || {
            let answer = stack.controller_admin(0, "/metrics").await?;
            let reported = String::from_utf8_lossy(&answer.body).contains("reported_causes_total{");
            Ok(reported.then_some(answer))
        })
        .await?;
    let proxy = stack.proxy_admin(0, "/metrics").await?;
    let mut text =
        "# Metrics\n\nGenerated from `/metrics` of both processes: don't edit. OpenMetrics; a counter's samples end \
                    in `_total`, an info's in `_info`. The values of the label `cause` are in [problems.md](problems.md); `none` is the \
                    function's own answer.\n"
            .to_owned();
    for (name, answer) in [(Binary::Controller.name(), controller), (Binary::Proxy.name(), proxy)] {
        let metrics = String::from_utf8(answer.body.to_vec())?;
        let _ = write!(text, "\n## {name}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n");
        let mut rows: Vec<_> = metrics.lines().filter_map(|line| row(line, &metrics)).collect();
        assert!(rows.len() > 5, "{name} shows {metrics}");
        rows.sort();
        for row in rows {
            text.push_str(&row);
        }
    }
    hold("metrics.md", &text)
}

/// A row of the table from a metric's HELP line.
fn row(line: &str, metrics: &str) -> Option<String> {
    let (name, help) = line.strip_prefix("# HELP ")?.split_once(' ')?;
    let type_ = metrics.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")))?;
    let labels: Vec<_> = labels(name, metrics).iter().map(|label| format!("`{label}`")).collect();
    let labels = labels.join(", ");
    Some(format!("| `{name}` | {type_} | {labels} | {} |\n", help.trim_end_matches('.').replace('|', "\\|")))
}

/// The names of the labels that a metric's samples have, in their order; a histogram's `le` is every histogram's.
fn labels<'a>(name: &str, metrics: &'a str) -> Vec<&'a str> {
    let sample = |line: &'a str| {
        let (of, labels) = line.strip_prefix(name)?.split_once('{')?;
        ["", "_total", "_bucket", "_count", "_sum", "_info"].contains(&of).then_some(labels)
    };
    let mut names = Vec::new();
    // A label's value may hold anything but an unescaped quote.
    for labels in metrics.lines().filter(|line| !line.starts_with('#')).filter_map(sample) {
        for key in labels.split('"').step_by(2).filter_map(|text| text.trim_start_matches(',').strip_suffix('=')) {
            if key != "le" && !names.contains(&key) {
                names.push(key);
            }
        }
    }
    names
}

#[test]
fn labels_are_read_from_samples_of_the_very_metric() {
    let metrics =
        "# HELP a b=c.\na_total{x=\"1,2\",y=\"z=\"} 1\na_bucket{le=\"1\",w=\"\"} 1\na_other_total{v=\"1\"} 1\na 3\n";
    assert_eq!(labels("a", metrics), ["x", "y", "w"]);
    assert_eq!(labels("a_other", metrics), ["v"]);
    assert_eq!(labels("none", metrics), Vec::<&str>::new());
}
