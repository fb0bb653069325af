//! What the command line refuses.

use super::*;

fn parsed(more: &[&str]) -> Result<Args, String> {
    let base = [
        "lambdaroute-controller",
        "--namespace=lambdaroute",
        "--proxy-service-account=lambdaroute/proxy",
        "--proxy-principal=arn:aws:iam::111122223333:role/lambdaroute-proxy",
    ];
    let args = Args::try_parse_from(base.iter().chain(more)).map_err(|error| error.to_string())?;
    args.check().map(|()| args)
}

#[test]
fn the_defaults_fit_together() {
    let args = parsed(&[]).expect("they do");
    assert_eq!(args.leader.lease_duration, Duration::from_secs(15));
    assert_eq!(args.route_table.proxies_per_route, 4);
}

#[test]
fn wrong_flags_are_refused_with_words() {
    for (flag, words) in [
        ("--lease-duration=1500ms", "whole seconds"),
        ("--lease-renew-deadline=15s", "shorter than --lease-duration"),
        ("--lease-retry-period=10s", "shorter than --lease-renew-deadline"),
        ("--certificate-lifetime=1000d", "not longer than --ca-lifetime"),
        ("--ca-propagation=300d", "a third of --ca-lifetime"),
        ("--proxies-per-route=0", "0 is not in"),
        ("--proxy-service-account=proxy", "expected NAMESPACE/NAME"),
        ("--lease-duration=soon", "is not a duration"),
        ("--drift-interval=0s", "must not be 0"),
        ("--secret-namespace=lambdaroute", "must not name the controller's own namespace"),
        ("--port-range=80-90", "FIRST-LAST"),
        ("--cluster-id=Prod", "1 to 16 characters"),
        ("--aws-rate=10", "NAME=NUMBER"),
        ("--aws-rate=get-policy=0", "get-policy must be from 1"),
    ] {
        let said = parsed(&[flag]).expect_err(flag);
        assert!(said.contains(words), "{flag}: {said}");
    }
}
