//! Names are asked for as often as their answers say, and no longer name than is meant.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::*;

/// A name server that knows one IPv4 address for every name, and what it was asked for.
async fn name_server(ttl: u32) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = asked.clone();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        loop {
            let (length, peer) = socket.recv_from(&mut packet).await.unwrap();
            let query = Message::from_vec(&packet[..length]).unwrap();
            let name = query.queries[0].name().clone();
            let wants_v4 = query.queries[0].query_type() == RecordType::A;
            let mut answer = query.into_response();
            if wants_v4 {
                asks.lock().unwrap().push(name.to_string());
                let address = RData::A(Ipv4Addr::new(10, 0, 0, 1).into());
                answer.add_answer(Record::from_rdata(name, ttl, address));
            }
            socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
        }
    });
    (address, asked)
}

fn resolver(server: SocketAddr) -> Resolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let search = vec![Name::from_ascii("shop.svc.cluster.local.").unwrap()];
    let config = ResolverConfig::from_parts(None, search, vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    // As in a Pod: any name with fewer dots is tried with the search domains first.
    builder.options_mut().ndots = 5;
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    Resolver { resolver: OnceCell::new_with(Some(builder.build().unwrap())) }
}

#[tokio::test]
async fn an_answer_is_kept_as_long_as_it_says() {
    for (ttl, times) in [(300, 1), (0, 3)] {
        let (server, asked) = name_server(ttl).await;
        let resolver = resolver(server);
        for _ in 0..3 {
            let found = resolver.addresses("abc.lambda-url.eu-west-1.on.aws", true).await.unwrap();
            assert_eq!(found, [IpAddr::from([10, 0, 0, 1])]);
        }
        assert_eq!(asked.lock().unwrap().len(), times, "TTL {ttl}");
    }
}

#[tokio::test]
async fn a_function_urls_host_is_complete_and_an_endpoints_may_be_a_service_of_the_cluster() {
    let (server, asked) = name_server(300).await;
    let resolver = resolver(server);
    resolver.addresses("abc.lambda-url.eu-west-1.on.aws", true).await.unwrap();
    resolver.addresses("emulator", false).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(*asked, ["abc.lambda-url.eu-west-1.on.aws.", "emulator.shop.svc.cluster.local."]);
}

#[tokio::test]
async fn what_is_no_name_is_refused_without_asking() {
    let (server, asked) = name_server(300).await;
    let name = format!("{}.example", "x".repeat(64));
    assert!(matches!(resolver(server).addresses(&name, true).await, Err(ResolveError::Name(_))));
    assert!(asked.lock().unwrap().is_empty());
}
