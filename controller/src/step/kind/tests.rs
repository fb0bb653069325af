//! `docs/writes.md` is what the kinds say.
//! `UPDATE_REFERENCES=1 cargo test -p lambdaroute-controller --lib -- step::` writes it.

use std::fmt::Write;
use std::path::Path;

use super::StepKind;

const HEAD: &str = "# What the controller writes

Generated from the steps of its plans (`controller/src/step/kind.rs`): don't edit.

Everything that the controller changes for a route is one of these, in the order of a route's life. `--dry-run` prints \
them for the routes of a cluster. Each is one request. A process that dies before or after any of them leaves nothing that \
the next one doesn't finish or take back (the tests kill it there), with one exception: between a URL config and the \
statement that carries its mark, what remains is a URL config that nothing proves to be ours (`ownership: Unproven`).

| step | request | what it is for |
|---|---|---|
";

const FOOT: &str = "
Besides, without a step: the rest of a route's status (one patch, when it differs), EndpointSlices, Events, and in its own \
namespace the Lease, the certificate's Secret and two ConfigMaps.
";

#[test]
fn the_page_of_writes_tells_every_step_once() {
    let mut page = HEAD.to_owned();
    for kind in StepKind::ALL {
        let (request, purpose) = kind.told();
        let _ = writeln!(page, "| {kind:?} | {request} | {purpose} |");
    }
    page += FOOT;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/writes.md");
    if std::env::var_os("UPDATE_REFERENCES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let command = "UPDATE_REFERENCES=1 cargo test -p lambdaroute-controller --lib -- step::";
    assert!(there == page, "docs/writes.md is stale: {command}");
}
