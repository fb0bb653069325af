//! `docs/signing.md` names tests: each of them is there, under that name.

use std::collections::BTreeSet;
use std::fs;

use crate::files::{ALL, rust, top};

#[test]
fn the_tests_that_the_page_on_signing_names_exist() {
    let page = fs::read_to_string(top().join("docs/signing.md")).unwrap();
    let (_, table) = page.split_once("## The known traps").unwrap();
    let functions: BTreeSet<String> = rust(&ALL)
        .iter()
        .flat_map(|source| source.text.lines())
        .filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "))
        .filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned))
        .collect();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    for (index, row) in rows.iter().enumerate() {
        let number = row.split('|').nth(1).map(str::trim);
        assert_eq!(number, Some((index + 1).to_string().as_str()), "numbers are given in order: {row}");
        // A test's name is a sentence; what else stands in backticks isn't.
        for name in row.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2) {
            assert!(functions.contains(name), "docs/signing.md names {name}, which is no test");
        }
    }
    assert_eq!(rows.len(), 73);
}
