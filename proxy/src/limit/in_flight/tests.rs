//! No more than may be.

use super::*;

#[test]
fn there_are_never_more_than_the_share() {
    let in_flight = Arc::new(InFlight::new(2));
    let first = in_flight.admit().unwrap();
    let _second = in_flight.admit().unwrap();
    assert!(in_flight.admit().is_none());
    drop(first);
    assert!(in_flight.admit().is_some());
}

#[test]
fn a_share_of_nothing_admits_nobody() {
    assert!(Arc::new(InFlight::new(0)).admit().is_none());
}

#[test]
fn a_smaller_share_waits_for_those_in_flight() {
    let in_flight = Arc::new(InFlight::new(3));
    let mut permits: Vec<_> = (0..3).map(|_| in_flight.admit().unwrap()).collect();
    in_flight.set_most(1);
    permits.truncate(1);
    assert!(in_flight.admit().is_none());
    permits.clear();
    assert!(in_flight.admit().is_some());
}

#[test]
fn at_the_same_time_from_many_threads_no_more_than_the_share_are_admitted() {
    let in_flight = Arc::new(InFlight::new(10));
    let permits: Vec<Permit> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..1000).filter_map(|_| in_flight.admit()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(permits.len(), 10);
}
