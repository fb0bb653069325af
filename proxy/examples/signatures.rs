//! Signs generated requests, compares each with the SDK's signer, and prints it for `tests/judge/sign.py check`, which
//! compares it with botocore's. Arguments: how many, and a seed. CONTRIBUTING.md has the command that runs both.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a difference ends it, as in the test that shares these modules")]

#[path = "../tests/signatures/request.rs"]
mod request;
#[path = "../tests/signatures/sdk.rs"]
mod sdk;

use std::io::Write;

use http::HeaderMap;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use request::{HOST_NAME, KEYS, Request, Signer, generate};

const SET: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap());
    let (count, seed) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    let mut signer = Signer::new();
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut compared = 0;
    for index in 0..count {
        let request = generate(&mut random);
        let (target, ours) = signer.sign(&request);
        if let Some(theirs) = sdk::sign(&request, &target, &ours) {
            compared += 1;
            for name in SET {
                assert_eq!(ours.get(name), theirs.get(name), "seed {seed}, request {index}, {target}: {request:?}");
            }
        }
        serde_json::to_writer(&mut output, &for_botocore(&request, target.as_str(), &ours)).unwrap();
        output.write_all(b"\n").unwrap();
    }
    output.flush().unwrap();
    eprintln!("{count} signed, {compared} compared with the SDK, 0 differ");
}

fn for_botocore(request: &Request, target: &str, ours: &HeaderMap) -> serde_json::Value {
    let text = |name: &str| ours.get(name).map(|value| value.to_str().unwrap());
    let (access_key_id, secret_access_key, session_token) = KEYS[request.key];
    // botocore hashes the body itself; the header with the hash is signed as any other.
    let given = ["content-type", "x-amz-content-sha256"];
    let given: Vec<_> = given.iter().filter_map(|name| Some((name, text(name)?))).collect();
    let set: serde_json::Map<_, _> =
        SET.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?.into()))).collect();
    json!({
        "method": request.method.as_str(),
        "url": format!("https://{HOST_NAME}{target}"),
        "headers": given,
        "body": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &request.body),
        "credentials": {
            "access_key_id": access_key_id, "secret_access_key": secret_access_key, "session_token": session_token
        },
        "region": request.region,
        "service": "lambda",
        "timestamp": text("x-amz-date"),
        "signed": set,
    })
}
