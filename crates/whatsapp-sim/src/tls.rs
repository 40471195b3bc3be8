//! The certificate of the simulator's TLS port, and the root that vouches for it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use crate::base64_bytes;

/// The names clients reach the simulator by.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates could not be made.
    #[error("cannot make the TLS certificates")]
    Certificate(#[from] rcgen::Error),
    /// The certificate and its key are not usable together.
    #[error("cannot use the TLS certificate")]
    Configuration(#[from] rustls::Error),
}

/// A certificate for the loopback names with its key, and its root. Kept across restarts, so that
/// clients go on trusting it.
#[derive(Clone, Serialize, Deserialize)]
pub struct TlsIdentity {
    root_pem: String,
    #[serde(with = "base64_bytes")]
    certificate: Vec<u8>,
    #[serde(with = "base64_bytes")]
    key: Vec<u8>,
}

impl TlsIdentity {
    /// Makes a new root and a certificate signed by it. The root's key is thrown away.
    pub fn generate() -> Result<Self, TlsError> {
        let root_key = KeyPair::generate()?;
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "Simulated WhatsApp root");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_pem = root.self_signed(&root_key)?.pem();

        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(NAMES.map(String::from))?;
        leaf.distinguished_name.push(DnType::CommonName, "Simulated WhatsApp");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &Issuer::new(root, &root_key))?;

        Ok(Self { root_pem, certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }

    /// The root, for a client's list of trusted ones.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// What takes TLS connections under this certificate.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.certificate.clone())], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, RootCertStore};
    use rustls_pki_types::ServerName;
    use rustls_pki_types::pem::PemObject as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio_rustls::TlsConnector;

    use super::*;

    fn connector(root_pem: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    async fn echo_one_byte(identity: &TlsIdentity, root_pem: &str, name: &str) -> Option<u8> {
        let (client, server) = duplex(4096);
        let acceptor = identity.acceptor().unwrap();
        let server = tokio::spawn(async move {
            let mut stream = acceptor.accept(server).await.ok()?;
            let byte = stream.read_u8().await.ok()?;
            stream.write_u8(byte).await.ok()?;
            stream.shutdown().await.ok()
        });
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = connector(root_pem).connect(name, client).await.ok()?;
        stream.write_u8(7).await.unwrap();
        let byte = stream.read_u8().await.unwrap();
        server.await.unwrap().unwrap();
        Some(byte)
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_root_connects_by_every_name() {
        let identity = TlsIdentity::generate().unwrap();
        for name in NAMES {
            assert_eq!(
                echo_one_byte(&identity, identity.root_pem(), name).await,
                Some(7),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn a_client_that_trusts_another_root_refuses() {
        let identity = TlsIdentity::generate().unwrap();
        let other = TlsIdentity::generate().unwrap();
        assert_eq!(echo_one_byte(&identity, other.root_pem(), "localhost").await, None);
    }

    #[tokio::test]
    async fn a_stored_identity_is_the_same_one() {
        let identity = TlsIdentity::generate().unwrap();
        let stored = serde_json::to_string(&identity).unwrap();
        let restored: TlsIdentity = serde_json::from_str(&stored).unwrap();
        assert_eq!(echo_one_byte(&restored, identity.root_pem(), "127.0.0.1").await, Some(7));
    }
}
