//! What an uninstall did, in plain lines for whoever runs it. Pure.

use std::collections::BTreeSet;
use std::fmt;

use super::leftover::Leftover;
use crate::sid::ClusterId;
use crate::step::RouteKey;
use crate::target::FunctionTarget;

/// What was done and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Routes that nothing of ours holds any more.
    pub(super) routes: usize,
    /// EndpointSlices that had endpoints.
    pub(super) slices: usize,
    /// EndpointSlices that still have.
    pub(super) filled: Vec<String>,
    /// Functions, or aliases, where all was taken back that was to be.
    pub(super) clean: usize,
    /// What stays since the manifest says so.
    pub(super) kept: Vec<(RouteKey, String)>,
    /// URL configs of ours that stay for other clusters.
    pub(super) shared: Vec<(FunctionTarget, BTreeSet<ClusterId>)>,
    /// What is left in AWS.
    pub(super) left: Vec<Leftover>,
    /// Routes that still have the finalizer, and why.
    pub(super) held: Vec<(RouteKey, String)>,
}

impl Report {
    /// No finalizer is left: whatever else is, nothing hangs.
    pub fn is_complete(&self) -> bool {
        self.held.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { routes, slices, filled, clean, kept, shared, left, held } = self;
        writeln!(f, "LambdaRoutes let go: {routes} (they and their Services stay)")?;
        writeln!(f, "EndpointSlices emptied: {slices}")?;
        writeln!(f, "Functions taken back in AWS: {clean}")?;
        section(f, "Not emptied:", filled.iter().map(String::clone))?;
        section(
            f,
            "Kept in AWS, as the manifest says (deletionPolicy: Retain, suspend: true):",
            kept.iter().map(|(route, arn)| format!("{route}: {arn}")),
        )?;
        section(
            f,
            "Function URLs that stay, since other clusters use them:",
            shared.iter().map(|(target, clusters)| {
                let clusters: Vec<String> = clusters.iter().map(ToString::to_string).collect();
                format!("{target}: {}", clusters.join(", "))
            }),
        )?;
        for leftover in left {
            section(f, &format!("Left in AWS, of {} ({}):", leftover.target, leftover.why), leftover.lines())?;
        }
        section(
            f,
            "LambdaRoutes that still have the finalizer:",
            held.iter().map(|(route, why)| {
                let RouteKey { namespace, name, .. } = route;
                format!(
                    "{route}: {why}: kubectl -n {namespace} patch lambdaroute {name} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"
                )
            }),
        )
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: impl IntoIterator<Item = String>) -> fmt::Result {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_some() {
        writeln!(f, "{title}")?;
    }
    lines.try_for_each(|line| writeln!(f, "  {line}"))
}

#[cfg(test)]
mod tests;
