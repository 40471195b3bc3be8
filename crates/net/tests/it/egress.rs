use axum::Router;
use axum::routing::get;
use wharf_net::{AddressKind, Egress, Error, Net, Refused, Roots, Tls};

use crate::clients::{PATIENT, get_url, net};
use crate::names::Names;
use crate::servers::serve;

fn public_only() -> Net {
    Net::new(Tls::new(Roots::web()), Egress::PublicOnly)
}

#[tokio::test]
async fn a_literal_address_is_judged() {
    let app = Router::new().route("/", get(async || "reached"));
    let port = serve(app).await;
    let url = format!("http://127.0.0.1:{port}/");

    let client = net().guarded_client(PATIENT).unwrap();
    assert_eq!(client.send(get_url(&url)).await.unwrap().bytes(100).await.unwrap(), "reached");

    let client = public_only().guarded_client(PATIENT).unwrap();
    for url in [url, format!("http://[::ffff:127.0.0.1]:{port}/")] {
        let refusal = client.send(get_url(&url)).await.unwrap_err();
        assert_eq!(refusal, Error::Refused(Refused::Address(AddressKind::Loopback)));
    }
}

#[tokio::test]
async fn what_a_name_resolves_to_is_judged() {
    let app = Router::new().route("/", get(async || "reached"));
    let url = format!("http://inner.test:{}/", serve(app).await);
    let names = Names::knowing("inner.test", &["127.0.0.1"]);

    let client = net().with_resolver(names.clone()).guarded_client(PATIENT).unwrap();
    assert_eq!(client.send(get_url(&url)).await.unwrap().bytes(100).await.unwrap(), "reached");

    let client = public_only().with_resolver(names.clone()).guarded_client(PATIENT).unwrap();
    let refusal = client.send(get_url(&url)).await.unwrap_err();
    assert_eq!(refusal, Error::Refused(Refused::Address(AddressKind::Loopback)));
    assert_eq!(
        refusal.to_string(),
        "refused: the host has a loopback address, which this server does not call"
    );
}

#[tokio::test]
async fn metadata_is_refused_by_name_even_when_all_else_is_open() {
    for (address, kind) in [
        ("169.254.169.254", AddressKind::LinkLocal),
        ("::ffff:169.254.169.254", AddressKind::LinkLocal),
        ("fd00:ec2::254", AddressKind::CloudMetadata),
    ] {
        let names = Names::knowing("metadata.test", &[address]);
        let client = net().with_resolver(names).guarded_client(PATIENT).unwrap();
        let refusal = client.send(get_url("http://metadata.test/")).await.unwrap_err();
        assert_eq!(refusal, Error::Refused(Refused::Address(kind)), "{address}");
    }
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_dialled() {
    let app = Router::new().route("/", get(async || "reached"));
    let url = format!("http://both.test:{}/", serve(app).await);
    let names = Names::knowing("both.test", &["169.254.169.254", "127.0.0.1"]);
    let client = net().with_resolver(names).guarded_client(PATIENT).unwrap();
    assert_eq!(client.send(get_url(&url)).await.unwrap().bytes(100).await.unwrap(), "reached");
}

#[tokio::test]
async fn only_http_is_spoken() {
    let client = net().guarded_client(PATIENT).unwrap();
    let refusal = client.send(get_url("ftp://127.0.0.1/")).await.unwrap_err();
    assert_eq!(refusal, Error::Refused(Refused::Scheme));
    let client = net().trusted_client(PATIENT, None).unwrap();
    let refusal = client.send(get_url("ftp://127.0.0.1/")).await.unwrap_err();
    assert!(matches!(refusal, Error::Request(_)), "{refusal}");
}
