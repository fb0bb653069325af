//! Both ends against each other.

use std::time::Duration;

use crate::{Load, LoadError, Origin, Until, run};

fn request(body: usize) -> Vec<u8> {
    let mut request = format!("POST / HTTP/1.1\r\nhost: origin\r\ncontent-length: {body}\r\n\r\n").into_bytes();
    request.resize(request.len() + body, b'x');
    request
}

#[test]
fn every_request_of_a_closed_loop_is_answered_and_counted() -> Result<(), LoadError> {
    let origin = Origin::start(0, None)?;
    origin.capture();
    let request = request(3_000_000);
    let until = Until::Requests(20);
    let outcome = run(&Load { target: origin.address, request: &request, connections: 4, rate: None, until })?;
    assert_eq!(outcome.requests, 20);
    let captured = origin.captured().unwrap_or_default();
    assert_eq!([captured.head, captured.body].concat(), request);
    Ok(())
}

#[test]
fn a_fixed_rate_begins_as_many_requests_as_its_time_holds() -> Result<(), LoadError> {
    let origin = Origin::start(0, None)?;
    let request = request(0);
    let until = Until::Elapsed(Duration::from_millis(100));
    let load = Load { target: origin.address, request: &request, connections: 2, rate: Some(1000), until };
    let outcome = run(&load)?;
    // At 0 ms, 1 ms, … 99 ms; a last look before the end may come late.
    assert!((1..=100).contains(&outcome.requests), "{} requests", outcome.requests);
    assert!(outcome.latencies.percentile(1.0) > Duration::ZERO);
    Ok(())
}
