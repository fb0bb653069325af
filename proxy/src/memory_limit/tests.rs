//! Limits are found where either version of cgroups keeps them.

use super::*;

fn named(membership: &str) -> Vec<String> {
    files(Path::new("/c"), membership).iter().map(|file| file.display().to_string()).collect()
}

#[test]
fn a_group_of_version_2_and_all_around_it_are_asked() {
    assert_eq!(named("0::/\n"), ["/c/memory.max"]);
    assert_eq!(named("0::/kube/pod\n"), ["/c/kube/pod/memory.max", "/c/kube/memory.max", "/c/memory.max"]);
}

#[test]
fn a_group_of_version_1_is_that_of_the_memory_controller() {
    let membership = "11:cpu,cpuacct:/other\n9:memory:/docker/x\n";
    let files = ["docker/x/", "docker/", ""].map(|group| format!("/c/memory/{group}memory.limit_in_bytes"));
    assert_eq!(named(membership), files);
    assert!(named("").is_empty());
}

#[test]
fn no_limit_is_said_in_two_ways() {
    assert_eq!((limit("max\n"), limit("268435456\n")), (None, Some(268_435_456)));
    assert!(limit("9223372036854771712\n").unwrap() > 1 << 60);
}

#[test]
fn this_machine_has_some_memory() {
    assert!(memory_limit() > 1 << 20);
}
