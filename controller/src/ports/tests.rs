//! Ports over the life of routes and leaders.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn id(n: usize) -> RouteId {
    RouteId(format!("uid-{n}"))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn claim(n: usize, port: u16) -> Claim {
    Claim { id: id(n), port, recorded: true }
}

/// By a Service's word alone.
fn said(n: usize, port: u16) -> Claim {
    Claim { recorded: false, ..claim(n, port) }
}

const REST: SignedDuration = SignedDuration::from_mins(10);

fn small() -> Ports {
    Ports::new("20000-20001".parse().unwrap(), vec![], BTreeMap::new(), at(0))
}

#[test]
fn a_route_keeps_its_port_and_a_full_range_says_so() {
    let mut ports = small();
    assert_eq!(ports.allocate(&id(1)), Some(20000));
    assert_eq!(ports.allocate(&id(1)), Some(20000));
    assert_eq!(ports.allocate(&id(2)), Some(20001));
    assert_eq!(ports.allocate(&id(3)), None);
}

#[test]
fn a_freed_port_rests_until_time_and_every_proxy_allow_it() {
    let mut ports = small();
    ports.allocate(&id(1));
    ports.allocate(&id(2));
    ports.rest(&id(1), at(0));
    assert_eq!(ports.allocate(&id(3)), None);
    assert!(!ports.wake(at(599), REST, |_| true));
    assert!(!ports.wake(at(600), REST, |_| false), "a proxy still has it");
    assert!(ports.wake(at(600), REST, |_| true));
    assert_eq!(ports.allocate(&id(3)), Some(20000));
}

#[test]
fn the_next_leader_knows_what_is_taken_and_what_rests() {
    let resting = BTreeMap::from([(20000, Rest { uid: "gone".into(), since: at(0) })]);
    let mut ports = Ports::new("20000-20002".parse().unwrap(), vec![claim(1, 20001)], resting, at(0));
    assert_eq!(ports.of(&id(1)), Some(20001));
    assert_eq!(ports.allocate(&id(2)), Some(20002));
    assert_eq!(ports.allocate(&id(3)), None);
}

#[test]
fn a_port_that_two_services_claim_is_nobodys() {
    let claims = vec![claim(1, 20000), claim(2, 20000)];
    let mut ports = Ports::new("20000-20002".parse().unwrap(), claims, BTreeMap::new(), at(0));
    assert_eq!((ports.of(&id(1)), ports.of(&id(2))), (None, None));
    assert_eq!(ports.allocate(&id(1)), Some(20001));
    assert_eq!(ports.allocate(&id(2)), Some(20002));
    assert!(ports.resting().contains_key(&20000));
}

#[test]
fn a_route_keeps_the_port_of_its_status_whatever_another_service_says() {
    let claims = vec![said(2, 20000), claim(1, 20000)];
    let mut ports = Ports::new("20000-20002".parse().unwrap(), claims, BTreeMap::new(), at(0));
    assert_eq!((ports.of(&id(1)), ports.of(&id(2))), (Some(20000), None));
    assert!(ports.resting().is_empty());
    assert_eq!(ports.allocate(&id(2)), Some(20001));
}

#[test]
fn a_service_alone_gets_no_port_outside_the_range() {
    let ports = Ports::new("20000-20001".parse().unwrap(), vec![said(1, 8080)], BTreeMap::new(), at(0));
    assert_eq!(ports.of(&id(1)), None);
    let mut ports = small();
    assert!(!ports.rest_unclaimed(&id(1), 8080, at(0)), "nobody is ever given it");
    assert_eq!(small_with(said(1, 20001)).of(&id(1)), Some(20001));
}

fn small_with(claim: Claim) -> Ports {
    Ports::new("20000-20001".parse().unwrap(), vec![claim], BTreeMap::new(), at(0))
}

#[test]
fn a_claim_to_a_resting_port_of_another_route_is_not_granted() {
    let resting = BTreeMap::from([(20000, Rest { uid: "gone".into(), since: at(0) })]);
    let ports = Ports::new("20000-20001".parse().unwrap(), vec![claim(1, 20000)], resting, at(0));
    assert_eq!(ports.of(&id(1)), None);
}

#[test]
fn a_port_outside_a_changed_range_stays_with_its_route() {
    let ports = Ports::new("20000-20001".parse().unwrap(), vec![claim(1, 15000)], BTreeMap::new(), at(0));
    assert_eq!(ports.of(&id(1)), Some(15000));
}

#[test]
fn the_least_recently_used_port_comes_first() {
    let mut ports = Ports::new("20000-20002".parse().unwrap(), vec![], BTreeMap::new(), at(0));
    ports.allocate(&id(1));
    ports.rest(&id(1), at(0));
    ports.wake(at(600), REST, |_| true);
    assert_eq!(ports.allocate(&id(2)), Some(20001));
    assert_eq!(ports.allocate(&id(3)), Some(20002));
    assert_eq!(ports.allocate(&id(4)), Some(20000));
}

#[test]
fn ranges_are_read_and_bad_ones_refused() {
    assert_eq!("10000-29999".parse::<PortRange>().unwrap().to_string(), "10000-29999");
    for bad in ["", "80-90", "2000", "3000-2000", "10000-70000", "a-b"] {
        assert!(bad.parse::<PortRange>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn two_routes_never_share_a_port(actions in proptest::collection::vec((0usize..6, 0u8..4), 0..60)) {
        let mut ports = Ports::new("20000-20004".parse().unwrap(), vec![], BTreeMap::new(), at(0));
        let mut now = 0;
        for (route, action) in actions {
            now += 100;
            match action {
                0 | 1 => { ports.allocate(&id(route)); }
                2 => ports.rest(&id(route), at(now)),
                _ => {
                    ports.wake(at(now), REST, |_| true);
                    let claims = (0..6).filter_map(|n| ports.of(&id(n)).map(|port| claim(n, port))).collect();
                    ports = Ports::new("20000-20004".parse().unwrap(), claims, ports.resting().clone(), at(now));
                }
            }
            let held: Vec<u16> = (0..6).filter_map(|n| ports.of(&id(n))).collect();
            prop_assert_eq!(held.iter().collect::<BTreeSet<_>>().len(), held.len());
            prop_assert!(held.iter().all(|port| !ports.resting().contains_key(port)));
        }
    }
}
