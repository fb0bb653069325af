//! How a life ends: all that there is of a route in Kubernetes and in AWS, without the names and times that differ from one
//! life to the next.

use anyhow::Context;
use lambdaroute_tests::functions::Function;
use lambdaroute_tests::stack::Stack;
use serde_json::{Value, json};

use super::Victim;
use super::lives::Life;

/// What there is in the end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome(Value);

const QUALIFIERS: [Option<&str>; 3] = [None, Some("PROD"), Some("NEXT")];

impl Outcome {
    /// What differs, for a person.
    pub(super) fn difference(&self, other: &Self) -> String {
        let (Some(expected), Some(found)) = (self.0.as_object(), other.0.as_object()) else { return String::new() };
        let differing = expected.iter().filter(|(part, value)| found.get(*part) != Some(value));
        differing
            .map(|(part, value)| {
                format!("\n  {part}: expected {value}\n  {:>2$} found {}", "", found[part], part.len() + 1)
            })
            .collect()
    }

    /// The same where a URL config had been made and nothing proved yet that it is ours: it is used and left alone.
    pub(super) async fn given(mut self, stack: &Stack, victim: &Victim) -> anyhow::Result<Self> {
        let alias = if victim.life == Life::Qualifier { Some("NEXT") } else { None };
        if !matches!(victim.life, Life::Create | Life::Qualifier) || victim.function.url(alias).await?.is_none() {
            return Ok(self);
        }
        let statements = stack.statements(&victim.function, alias).await?;
        let marked = statements.iter().any(|it| it["Sid"].as_str().is_some_and(|sid| sid.contains("-fn-c")));
        if !marked {
            let targets = self.0["targets"].as_array_mut().context("targets")?;
            for target in targets {
                target["ownership"] = json!("Unproven");
            }
            let policy = self.0[place(alias)]["statements"].as_array_mut().context("statements")?;
            for statement in policy.iter_mut().filter(|statement| statement["Sid"] == "marked") {
                statement["Sid"] = json!("ours");
            }
        }
        Ok(self)
    }
}

fn place(alias: Option<&str>) -> &str {
    alias.unwrap_or("unqualified")
}

/// Looks at everything.
pub(super) async fn outcome(stack: &Stack, life: Life, name: &str, function: &Function) -> anyhow::Result<Outcome> {
    let mut found = json!({});
    for alias in QUALIFIERS {
        let mut statements = stack.statements(function, alias).await?;
        for statement in &mut statements {
            let sid = statement["Sid"].as_str().unwrap_or_default();
            let ours = sid.starts_with(&format!("lr1-{}-", stack.cluster_id));
            let told = if ours && sid.contains("-fn-c") {
                "marked"
            } else if ours {
                "ours"
            } else {
                sid
            };
            statement["Sid"] = json!(told);
            statement["Resource"] =
                json!(statement["Resource"].as_str().map(|arn| arn.replace(function.name(), "FUNCTION")));
        }
        // A statement that was written again stands at the end: order says nothing.
        statements.sort_by_key(Value::to_string);
        found[place(alias)] = json!({
            "statements": statements,
            "url": function.url(alias).await?.is_some(),
        });
    }
    found["authType"] = json!(stack.auth_type(function).await?);
    found["services"] = json!(stack.service(name).await?.is_some());
    found["endpoints"] = json!(stack.endpoints_of(name).await?.len());
    if life == Life::Deletion {
        found["route"] = json!(stack.find(name).await?.is_some());
        return Ok(Outcome(found));
    }
    let route = stack.get(name).await?;
    found["finalizers"] = json!(route.metadata.finalizers);
    let status = route.status.unwrap_or_default();
    let settled = status.observed_generation == route.metadata.generation;
    let conditions = status.conditions.iter().map(|it| json!([it.type_, it.status, it.reason]));
    found["conditions"] = json!([settled, conditions.collect::<Vec<_>>()]);
    let mut targets = Vec::new();
    for target in status.targets {
        let alias = target.function_arn.strip_prefix(&format!("{}:", function.arn()));
        targets.push(json!({
            "qualifier": alias, "state": target.state, "ownership": target.ownership,
            "url": target.function_url == function.url(alias).await?,
        }));
    }
    found["targets"] = json!(targets);
    Ok(Outcome(found))
}
