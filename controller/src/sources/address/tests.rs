//! Inside and outside.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn public_addresses_may_be_dialled() {
    for address in
        ["1.1.1.1", "52.94.236.248", "100.63.255.255", "100.128.0.0", "172.32.0.1", "169.253.1.1", "223.1.1.1"]
    {
        assert!(may_dial(ip(address), &[]), "{address}");
    }
    for address in ["2606:4700::1111", "2a05:d018::1", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
        assert!(may_dial(ip(address), &[]), "{address}");
    }
}

#[test]
fn what_is_not_public_is_refused_in_every_spelling() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.251",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        assert!(!may_dial(ip(address), &[]), "{address}");
        let IpAddr::V4(v4) = ip(address) else { unreachable!() };
        assert!(!may_dial(v4.to_ipv6_mapped().into(), &[]), "mapped {address}");
        let [a, b, c, d] = v4.octets().map(u16::from);
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
        assert!(!may_dial(nat64.into(), &[]), "NAT64 {nat64}");
    }
    for address in [
        "::",
        "::1",
        "::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!may_dial(ip(address), &[]), "{address}");
    }
}

#[test]
fn the_operators_blocks_open_what_they_say_and_nothing_else() {
    let allowed = ["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()];
    for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "1.1.1.1"] {
        assert!(may_dial(ip(address), &allowed), "{address}");
    }
    for address in ["10.2.0.1", "127.0.0.1", "169.254.169.254", "fd00:2::1", "::1"] {
        assert!(!may_dial(ip(address), &allowed), "{address}");
    }
}
