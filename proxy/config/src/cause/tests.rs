//! The closed set keeps its form.

use std::collections::BTreeSet;

use super::Cause;

#[test]
fn every_cause_has_a_word_of_its_own_in_snake_case() {
    let words: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    assert_eq!(words.len(), Cause::ALL.len());
    assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
}

#[test]
fn every_cause_is_an_error_to_http() {
    assert!(Cause::ALL.iter().all(|cause| (400..600).contains(&cause.status())));
}

#[test]
fn every_cause_says_what_it_means_and_what_to_do() {
    for cause in Cause::ALL {
        for text in [cause.title(), cause.meaning(), cause.caller(), cause.operator()] {
            assert!(text.len() > 10 && !text.contains("  ") && !text.contains('|'), "{cause:?}: {text}");
        }
    }
}
