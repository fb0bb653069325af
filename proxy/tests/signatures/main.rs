//! Requests that nobody would think of, from a seed: the proxy signs each as the SDK's own signer does. A longer run of the
//! same, judged by botocore too, is a command in CONTRIBUTING.md.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails; clippy knows #[test] alone")]

mod request;
mod sdk;

use rand::SeedableRng;
use rand::rngs::StdRng;

use request::{Signer, generate};

/// A failure names it; the requests are the same in each run.
const SEED: u64 = 20_261_127;
const REQUESTS: usize = 10_000;

#[test]
fn ten_thousand_generated_requests_are_signed_as_the_sdk_signs_them() {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut signer = Signer::new();
    let mut compared = 0;
    for index in 0..REQUESTS {
        let request = generate(&mut random);
        let (target, ours) = signer.sign(&request);
        let Some(theirs) = sdk::sign(&request, &target, &ours) else { continue };
        compared += 1;
        for name in ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"] {
            assert_eq!(ours.get(name), theirs.get(name), "{name} of request {index}, {target}: {request:?}");
        }
    }
    assert!(compared > REQUESTS / 2, "only {compared} could be compared");
}
