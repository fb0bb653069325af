//! Flags are read, or refused with a word that says why.

use clap::{CommandFactory, Parser};

use super::*;

const REQUIRED: [&str; 7] = [
    "lambdaroute-proxy",
    "--controller-address",
    "controller.lambdaroute:9900",
    "--controller-ca-file",
    "/ca/ca.crt",
    "--token-file",
    "/token/token",
];

fn parse(more: &[&str]) -> Result<Args, clap::Error> {
    Args::try_parse_from(REQUIRED.iter().chain(more))
}

#[test]
fn every_flag_has_a_help_text_and_a_variable() {
    let flags: Vec<String> = Args::command()
        .get_arguments()
        .filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()))
        .map(|arg| {
            let name = arg.get_long().expect("every flag is long").to_owned();
            assert!(arg.get_help().is_some(), "--{name} has no help text");
            let variable = format!("LAMBDAROUTE_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|v| v.to_str()), Some(variable.as_str()), "--{name}");
            name
        })
        .collect();
    assert_eq!(
        flags,
        [
            "controller-address",
            "controller-ca-file",
            "token-file",
            "state-dir",
            "listen-address",
            "admin-address",
            "function-url-endpoint",
            "max-table-age",
            "connect-timeout",
            "header-read-timeout",
            "body-idle-timeout",
            "send-timeout",
            "workers",
            "body-memory",
            "max-connections",
            "max-streams-per-connection",
            "max-requests-per-connection",
            "max-header-bytes",
            "max-header-count",
            "trusted-proxies",
            "leave-timeout",
            "propagation-delay",
            "drain-timeout",
            "rate-limit-keys",
            "access-log",
            "access-log-sample",
            "log-format",
            "log-level",
        ]
    );
}

#[test]
fn controllers_may_be_repeated_or_separated_by_commas() {
    let args = parse(&["--controller-address", "10.0.0.1:1,[fd00::1]:2"]).unwrap();
    let hosts: Vec<_> = args.controller_address.iter().map(|a| (a.host.as_str(), a.port)).collect();
    assert_eq!(hosts, [("controller.lambdaroute", 9900), ("10.0.0.1", 1), ("fd00::1", 2)]);
}

#[test]
fn trusted_proxies_are_blocks_of_addresses() {
    let args = parse(&["--trusted-proxies", "10.0.0.0/8,2001:db8::/32", "--trusted-proxies", "192.0.2.1/32"]).unwrap();
    let blocks: Vec<String> = args.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(blocks, ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]);
    assert!(parse(&["--trusted-proxies", "10.0.0.1"]).is_err(), "one address is written as a block, too");
}

#[test]
fn what_cannot_be_right_is_refused() {
    for wrong in [
        ["--controller-address", "controller"],
        ["--controller-address", "controller:0"],
        ["--controller-address", "fd00::1:9900"],
        ["--controller-address", "https://controller:9900"],
        ["--function-url-endpoint", "ftp://localhost:1"],
        ["--function-url-endpoint", "http://localhost:1/path"],
        ["--function-url-endpoint", "http://user@localhost:1"],
        ["--function-url-endpoint", "localhost:1"],
        ["--drain-timeout", "60"],
        ["--drain-timeout", "-1s"],
        ["--connect-timeout", "0s"],
        ["--admin-address", "9902"],
        ["--workers", "0"],
        ["--body-memory", "64M"],
        ["--body-memory", "0"],
        ["--body-memory", "99999999999Gi"],
        ["--max-header-bytes", "8191"],
        ["--max-connections", "0"],
        ["--listen-address", "localhost"],
        ["--log-format", "yaml"],
    ] {
        assert!(parse(&wrong).is_err(), "{wrong:?} was accepted");
    }
}

#[test]
fn durations_are_written_as_in_the_manifest() {
    let args = parse(&["--drain-timeout", "1m30s", "--max-table-age", "500ms"]).unwrap();
    assert_eq!(args.drain_timeout, Duration::from_secs(90));
    assert_eq!(args.max_table_age, Some(Duration::from_millis(500)));
}

#[test]
fn sizes_are_written_as_kubernetes_writes_them() {
    for (text, bytes) in [("1", 1), ("64Ki", 65536), ("256Mi", 256 << 20), ("2Gi", 2 << 30)] {
        assert_eq!(parse(&["--body-memory", text]).unwrap().body_memory, Some(bytes));
    }
    assert_eq!(parse(&[]).unwrap().max_header_bytes, 32 * 1024);
}

#[test]
fn an_endpoint_is_scheme_and_authority() {
    let args = parse(&["--function-url-endpoint", "http://127.0.0.1:4566"]).unwrap();
    let endpoint = args.function_url_endpoint.unwrap();
    assert_eq!((endpoint.scheme.as_str(), endpoint.authority.as_str()), ("http", "127.0.0.1:4566"));
}

#[test]
fn all_flags_are_told_with_their_defaults() {
    let (_, told) =
        read_from(REQUIRED.iter().chain(&["--access-log", "sampled", "--controller-address", "a:1,b:2"])).unwrap();
    assert_eq!(told["access-log"], ["sampled"]);
    assert_eq!(told["access-log-sample"], ["0.01"]);
    assert_eq!(told["controller-address"], ["controller.lambdaroute:9900", "a:1", "b:2"]);
    assert!(!told.contains_key("state-dir"), "what isn't set isn't told");
}

#[test]
fn a_sample_is_a_part() {
    assert_eq!(parse(&["--access-log-sample", "0.5"]).unwrap().access_log_sample, 0.5);
    for wrong in ["0", "1.1", "-1", "NaN", "all"] {
        assert!(parse(&["--access-log-sample", wrong]).is_err(), "{wrong}");
    }
}
