//! Every reason of the closed list is made to happen by an end-to-end test, or it is told here why none can yet.

use std::collections::BTreeSet;

use lambdaroute_crds::condition::ConditionType;

use crate::files::rust;

/// Reasons that no end-to-end test can bring about yet: condition, reason, why.
const UNREACHED: &[(&str, &str, &str)] = &[];

/// `"Accepted", "False", "NotPermitted"`: how a test waits for a condition.
fn awaited() -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for source in rust(&["tests"]).iter().filter(|source| source.path.starts_with("tests/e2e/")) {
        let words: Vec<&str> = source.text.split('"').collect();
        for window in words.windows(5) {
            let separated = window[1].trim() == "," && window[3].trim() == ",";
            if separated && ["True", "False", "Unknown"].contains(&window[2]) {
                found.insert((window[0].to_owned(), window[2].to_owned(), window[4].to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_reason_is_brought_about_by_a_test() {
    let awaited = awaited();
    assert!(awaited.len() > 10, "the tests wait for conditions in another way: mend this one");
    let mut missing = Vec::new();
    for type_ in ConditionType::ALL {
        for (status, reason) in type_.reasons() {
            let known = (type_.to_string(), status.as_str().to_owned(), reason.to_string());
            let excused = UNREACHED.iter().any(|(of, what, _)| (*of, *what) == (type_.as_str(), reason.as_str()));
            match (awaited.contains(&known), excused) {
                (false, false) => missing.push(format!("{type_}={} ({reason})", status.as_str())),
                (true, true) => missing.push(format!("{type_} {reason} is excused, and a test brings it about")),
                _ => {}
            }
        }
    }
    assert!(missing.is_empty(), "no end-to-end test brings these about: {missing:#?}");
}

#[test]
fn no_test_waits_for_what_is_not_in_the_closed_list() {
    for (type_, status, reason) in awaited() {
        let Some(of) = ConditionType::ALL.iter().find(|known| known.as_str() == type_) else { continue };
        // The summary and what kstatus knows have the reasons of all others.
        let sums = matches!(of, ConditionType::Ready | ConditionType::Reconciling | ConditionType::Stalled);
        let listed = if sums { ConditionType::ALL } else { std::slice::from_ref(of) };
        let known = listed.iter().flat_map(|type_| type_.reasons()).any(|(_, known)| known.as_str() == reason);
        assert!(known, "{type_}={status} ({reason}) isn't in the closed list");
    }
}
