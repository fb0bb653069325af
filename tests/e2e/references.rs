//! The references of flags and metrics in `docs/`, written from the binaries themselves, so that they can't say anything else.
//! `UPDATE_REFERENCES=1 cargo test -p lambdaroute-tests --test e2e -- references::` writes them.

use std::fmt::Write;
use std::process::Command;

use http::StatusCode;
use lambdaroute_tests::components::Binary;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use lambdaroute_tests::target;

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
    for binary in [Binary::Controller, Binary::Proxy] {
        let output = Command::new(binary.path()?).arg("--help").env_clear().output()?;
        let help = String::from_utf8(output.stdout)?;
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {}\n\n```text\n{}\n```\n", binary.name(), lines.join("\n").trim());
    }
    hold("flags.md", &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_those_of_the_processes() -> anyhow::Result<()> {
    // A metric shows from its first sample: one call that succeeds, and one that AWS refuses.
    let stack = Stack::with("metrics", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
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
                    in `_total`. The values of the label `cause` are the causes of the \
                    [README](../README.md#life-of-a-request).\n"
            .to_owned();
    for (name, answer) in [(Binary::Controller.name(), controller), (Binary::Proxy.name(), proxy)] {
        let metrics = String::from_utf8(answer.body.to_vec())?;
        let _ = write!(text, "\n## {name}\n\n| metric | type | meaning |\n|---|---|---|\n");
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
    Some(format!("| `{name}` | {type_} | {} |\n", help.trim_end_matches('.').replace('|', "\\|")))
}
