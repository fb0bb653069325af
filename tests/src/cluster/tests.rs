//! Which cluster of a kubeconfig is meant, and who vouches for it.

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::Cluster;

#[tokio::test]
async fn the_current_contexts_cluster_is_meant_and_its_ca_may_be_a_file() {
    let CertifiedKey { cert, .. } = generate_simple_self_signed(vec!["ca".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ca.crt"), cert.pem()).unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = r"
apiVersion: v1
kind: Config
current-context: mine
clusters:
  - {name: foreign, cluster: {server: 'https://192.0.2.1:6443', certificate-authority: ca.crt}}
  - {name: mine, cluster: {server: 'https://127.0.0.9:7443', certificate-authority: ca.crt, tls-server-name: api.example}}
contexts:
  - {name: foreign, context: {cluster: foreign, user: admin}}
  - {name: mine, context: {cluster: mine, user: admin}}
users: [{name: admin, user: {token: secret}}]
";
    std::fs::write(&kubeconfig, text).unwrap();
    let cluster = Cluster::connect(&kubeconfig).await.unwrap();
    assert_eq!(cluster.address().unwrap(), "127.0.0.9:7443".parse().unwrap());
    assert_eq!(cluster.server_name(), "api.example");
    assert_eq!(cluster.authority().replace("\r\n", "\n"), cert.pem().replace("\r\n", "\n"));
}

#[tokio::test]
async fn a_kubeconfig_without_a_ca_is_refused_with_its_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = r"
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: 'https://127.0.0.9:7443'}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: secret}}]
";
    std::fs::write(file.path(), text).unwrap();
    let Err(error) = Cluster::connect(file.path()).await else { panic!("it was taken") };
    let error = error.to_string();
    assert!(error.contains("no certificate authority") && error.contains(file.path().to_str().unwrap()), "{error}");
}
