//! The TLS certificates of a listener, which may be replaced while it serves.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A certificate chain with its private key.
pub struct TlsIdentity {
    acceptor: TlsAcceptor,
    certificate: Option<CertificateDer<'static>>,
}

/// Why a [`TlsIdentity`] cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificates are not PEM.
    #[error("the certificates are not PEM")]
    Certificates(#[source] pem::Error),
    /// There is no private key in PEM.
    #[error("there is no private key in PEM")]
    PrivateKey(#[source] pem::Error),
    /// There is no certificate, the key is not usable, or it belongs to another certificate.
    #[error("the certificates and the private key do not belong together")]
    Mismatch(#[source] rustls::Error),
}

impl TlsIdentity {
    /// Reads a certificate chain, the server's own certificate first, and its private key, both in PEM. Clients can then use
    /// TLS 1.2 or 1.3 with HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    ///
    /// Text that is not PEM, or a key that does not belong to the certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::Certificates)?;
        let certificate = certificates.first().cloned();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::PrivateKey)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Mismatch)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(TlsError::Mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// The server's own certificate in DER.
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }
}

/// The identity that a listener presents in new handshakes. Clones share it.
#[derive(Clone)]
pub struct TlsCertificates(Arc<watch::Sender<TlsAcceptor>>);

impl TlsCertificates {
    /// Presents this identity.
    pub fn new(identity: TlsIdentity) -> Self {
        Self(Arc::new(watch::Sender::new(identity.acceptor)))
    }

    /// Presents another identity from now on. Connections that are open keep theirs.
    pub fn replace(&self, identity: TlsIdentity) {
        self.0.send_replace(identity.acceptor);
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.0.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

    use super::{TlsError, TlsIdentity};

    fn self_signed() -> CertifiedKey<KeyPair> {
        generate_simple_self_signed(["localhost".to_owned()]).unwrap()
    }

    #[test]
    fn an_identity_needs_certificates_and_the_key_that_belongs_to_them() {
        let (first, second) = (self_signed(), self_signed());
        let (certificate, key) = (first.cert.pem(), first.signing_key.serialize_pem());
        let read = |certificates: &str, key: &str| {
            TlsIdentity::from_pem(certificates.as_bytes(), key.as_bytes())
        };
        let identity = read(&certificate, &key).unwrap();
        assert_eq!(identity.certificate_der(), Some(&first.cert.der()[..]));
        let other = second.signing_key.serialize_pem();
        let mismatch = read(&certificate, &other).err();
        assert!(matches!(mismatch, Some(TlsError::Mismatch(_))));
        assert!(matches!(read("", &key).err(), Some(TlsError::Mismatch(_))));
        let no_key = read(&certificate, "not PEM").err();
        assert!(matches!(no_key, Some(TlsError::PrivateKey(_))));
        let begin = "-----BEGIN CERTIFICATE-----";
        let truncated = read(begin, &key).err();
        assert!(matches!(truncated, Some(TlsError::Certificates(_))));
    }
}
