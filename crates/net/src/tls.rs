use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;
use tokio_rustls::TlsConnector;

/// The certificate authorities to trust.
#[derive(Clone, Debug)]
pub struct Roots {
    store: RootCertStore,
}

impl Roots {
    /// The authorities browsers trust (Mozilla's list, compiled in).
    #[must_use]
    pub fn web() -> Self {
        Self { store: RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() } }
    }

    /// Trusts every certificate of a PEM text as well, and says how many there were.
    ///
    /// A text without a certificate is an error: it is a mistake that would otherwise show up much
    /// later. On an error nothing is added.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<usize, BadRoots> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| BadRoots::Malformed)?;
        if certificates.is_empty() {
            return Err(BadRoots::Empty);
        }
        let count = certificates.len();
        let mut store = self.store.clone();
        for certificate in certificates {
            store.add(certificate).map_err(|_| BadRoots::Malformed)?;
        }
        self.store = store;
        Ok(count)
    }

    /// Like [`add_pem`](Self::add_pem), from a file.
    pub fn add_file(&mut self, path: &Path) -> Result<usize, BadRoots> {
        let pem = std::fs::read(path).map_err(|error| BadRoots::Unreadable(error.kind()))?;
        self.add_pem(&pem)
    }
}

/// Why certificate authorities could not be added.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadRoots {
    /// The file could not be read.
    #[error("cannot read the file: {0}")]
    Unreadable(std::io::ErrorKind),
    /// No certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// Not PEM, or not a certificate inside.
    #[error("it is not a list of PEM certificates")]
    Malformed,
}

/// The one TLS configuration every client and dialer of the process shares, session cache included.
///
/// It offers no ALPN, which means HTTP/1.1, so that the same configuration serves WebSocket connections.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// A configuration that trusts `roots`. Names `ring` itself, so that no process-wide provider
    /// needs to be installed.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "both are compiled in")]
    pub fn new(roots: Roots) -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_root_certificates(roots.store)
            .with_no_client_auth();
        Self { config: Arc::new(config) }
    }

    /// The configuration, for a library that wants it whole.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_roots_are_there() {
        assert!(Roots::web().store.len() > 50);
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let mut roots = Roots::web();
        assert_eq!(roots.add_pem(b"hello"), Err(BadRoots::Empty));
        let missing = roots.add_file(Path::new("/nonexistent/ca.pem"));
        assert_eq!(missing, Err(BadRoots::Unreadable(std::io::ErrorKind::NotFound)));
    }

    #[test]
    fn a_damaged_certificate_adds_nothing() {
        let good = rcgen::generate_simple_self_signed(["wharf.test".to_owned()]).unwrap().cert;
        let pem = good.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let mut roots = Roots::web();
        let before = roots.store.len();
        assert_eq!(roots.add_pem(pem.as_bytes()), Err(BadRoots::Malformed));
        assert_eq!(roots.store.len(), before);
        assert_eq!(roots.add_pem(good.pem().as_bytes()), Ok(1));
        assert_eq!(roots.store.len(), before + 1);
    }
}
