//! TLS in this process: the certificates, which may be renewed while it runs.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{sync::watch, time};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// The certificates of now.
pub(crate) struct Certificates {
    acceptor: watch::Receiver<TlsAcceptor>,
}

/// What the two files hold.
#[derive(Eq, PartialEq)]
struct Pem {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

impl Certificates {
    /// Reads the files, and looks again and again whether they are others.
    pub(crate) fn load(files: TlsFiles, interval: Duration) -> anyhow::Result<Self> {
        let pem = Pem::read(&files)?;
        let (sender, acceptor) = watch::channel(pem.acceptor(&files)?);
        tokio::spawn(renew(files, interval, pem, sender));
        Ok(Self { acceptor })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.borrow().clone()
    }
}

/// Takes what the files hold whenever it has changed and can be used, as long as anybody wants it.
async fn renew(
    files: TlsFiles,
    interval: Duration,
    mut known: Pem,
    acceptor: watch::Sender<TlsAcceptor>,
) {
    let mut ticks = time::interval(interval);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut is_readable = true;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = acceptor.closed() => return,
        }
        let pem = match Pem::read(&files) {
            Ok(pem) => pem,
            Err(error) => {
                if is_readable {
                    complain(&error);
                }
                is_readable = false;
                continue;
            }
        };
        is_readable = true;
        if pem == known {
            continue;
        }
        match pem.acceptor(&files) {
            Ok(renewed) => {
                acceptor.send_replace(renewed);
                tracing::info!("the renewed certificates are used from now on");
            }
            Err(error) => complain(&error),
        }
        // What is broken is complained of once.
        known = pem;
    }
}

fn complain(error: &anyhow::Error) {
    tracing::error!(
        error = format!("{error:#}"),
        "the renewed certificates cannot be used; the former ones stay"
    );
}

impl Pem {
    fn read(files: &TlsFiles) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Self {
            certificates: read(&files.certificates)?,
            key: read(&files.key)?,
        })
    }

    /// TLS 1.2 or newer, for HTTP/2 and HTTP/1.1.
    fn acceptor(&self, files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
        let certificates = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{} is not PEM", files.certificates.display()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .with_context(|| format!("{} holds no private key in PEM", files.key.display()))?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(certificates, key)
                .with_context(|| {
                    format!(
                        "{} and {} do not belong together",
                        files.certificates.display(),
                        files.key.display()
                    )
                })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
