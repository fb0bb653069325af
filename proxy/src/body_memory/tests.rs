//! What is taken is given back, and nobody takes more than the part that is theirs.

use super::*;

#[test]
fn what_was_taken_is_given_back() {
    let (process, route) = (Arc::new(BodyMemory::new(400)), RouteBodyMemory::default());
    let mut one = Budget { process: &process, route: &route }.reservation();
    one.grow_to(30).unwrap();
    one.grow_to(60).unwrap();
    one.grow_to(10).unwrap();
    assert_eq!((process.used(), route.load(Ordering::Relaxed)), (60, 60), "growing to less takes nothing");
    drop(one);
    assert_eq!((process.used(), route.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn one_route_never_holds_more_than_a_quarter() {
    let process = Arc::new(BodyMemory::new(400));
    let (greedy, other) = (RouteBodyMemory::default(), RouteBodyMemory::default());
    let mut held = Budget { process: &process, route: &greedy }.reservation();
    held.grow_to(100).unwrap();
    let mut more = Budget { process: &process, route: &greedy }.reservation();
    assert_eq!(more.grow_to(1), Err(Full));
    let mut others = Budget { process: &process, route: &other }.reservation();
    others.grow_to(100).unwrap();
    assert_eq!(process.used(), 200);
}

#[test]
fn all_routes_together_never_hold_more_than_the_whole() {
    let process = Arc::new(BodyMemory::new(400));
    let routes: Vec<_> = (0..5).map(|_| RouteBodyMemory::default()).collect();
    let mut held: Vec<_> = routes.iter().map(|route| Budget { process: &process, route }.reservation()).collect();
    for reservation in &mut held[..4] {
        reservation.grow_to(90).unwrap();
    }
    assert_eq!(held[4].grow_to(41), Err(Full));
    assert_eq!(routes[4].load(Ordering::Relaxed), 0, "a refused part is in nobody's sum");
    held[4].grow_to(40).unwrap();
    assert_eq!(process.used(), 400);
}
