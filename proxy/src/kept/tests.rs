//! What is kept comes back, and tells a change from a new version of the same.

use super::*;
use crate::table::tests::route;

#[test]
fn a_kept_resource_comes_back_with_its_version() {
    let mut resource = route("a", 10_000, 7);
    let kept = Kept::of(&mut resource);
    assert_eq!(kept.resource(), resource);
    assert_eq!(resource.version, route("a", 10_000, 7).version, "and is as it was");
}

#[test]
fn a_new_version_of_the_same_says_the_same() {
    let first = Kept::of(&mut route("a", 10_000, 1));
    assert!(first.says_the_same(&Kept::of(&mut route("a", 10_000, 2))));
    for other in [route("a", 10_001, 1), route("b", 10_000, 1)] {
        assert!(!first.says_the_same(&Kept::of(&mut { other })));
    }
}
