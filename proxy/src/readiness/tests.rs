//! Ready only when nothing is missing, and what is.

use super::*;

fn missing(table: bool, credentials: bool, leaving: bool) -> Vec<String> {
    let lines = Conditions { table, credentials, leaving }.missing();
    lines.iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_proxy_is_ready_with_a_table_and_credentials() {
    assert!(missing(true, true, false).is_empty());
}

#[test]
fn it_says_by_name_what_is_missing() {
    assert_eq!(missing(false, false, false), ["table", "credentials"]);
    assert_eq!(missing(true, false, false), ["credentials"]);
    assert_eq!(missing(true, true, true), ["leaving"]);
}
