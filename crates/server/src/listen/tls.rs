//! TLS in this process: the certificates, which may be renewed while it runs.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use flowruns_domain::{Clock as _, SystemClock};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{sync::watch, task::spawn_blocking, time};
use tokio_rustls::TlsAcceptor;

use super::validity::{Standing, Validity};
use crate::{config::TlsFiles, metrics::CERTIFICATE_EXPIRY};

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

/// What is made of them.
struct Identity {
    acceptor: TlsAcceptor,
    /// Of the server's own certificate, the first of the chain; `None` when it cannot be read.
    validity: Option<Validity>,
}

impl Certificates {
    /// Reads the files, and looks again and again whether they are others.
    ///
    /// # Errors
    ///
    /// Files that are no regular ones, over 1 MiB, or of no use as certificates and their key.
    pub(crate) async fn load(files: TlsFiles, interval: Duration) -> anyhow::Result<Self> {
        let files = Arc::new(files);
        let pem = Pem::read(&files).await?;
        let identity = pem.identity(&files)?;
        let (sender, acceptor) = watch::channel(identity.acceptor);
        let watched = Watched::new(identity.validity);
        tokio::spawn(renew(files, interval, pem, watched, sender));
        Ok(Self { acceptor })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.borrow().clone()
    }
}

/// The validity of the certificate that is shown, and what was last said of it.
struct Watched {
    validity: Option<Validity>,
    standing: Standing,
}

impl Watched {
    fn new(validity: Option<Validity>) -> Self {
        let mut watched = Self {
            validity,
            standing: Standing::Valid,
        };
        watched.look();
        watched
    }

    /// Sets the metric, and warns when the certificate has become invalid since the last look.
    fn look(&mut self) {
        let Some(validity) = self.validity else {
            metrics::gauge!(CERTIFICATE_EXPIRY).set(f64::NAN);
            return;
        };
        let now = SystemClock.now().date_time();
        metrics::gauge!(CERTIFICATE_EXPIRY).set(validity.seconds_left(now));
        let standing = validity.standing(now);
        if standing == self.standing {
            return;
        }
        self.standing = standing;
        let (not_before, not_after) = (validity.not_before, validity.not_after);
        match standing {
            Standing::NotYetValid => {
                tracing::warn!(%not_before, "the TLS certificate is not valid yet; clients reject it")
            }
            Standing::Expired => {
                tracing::warn!(%not_after, "the TLS certificate has expired; clients reject it")
            }
            Standing::Valid => tracing::info!(%not_after, "the TLS certificate is valid now"),
        }
    }
}

/// Takes what the files hold whenever it has changed and can be used, as long as anybody wants it.
async fn renew(
    files: Arc<TlsFiles>,
    interval: Duration,
    mut known: Pem,
    mut watched: Watched,
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
        watched.look();
        let pem = match Pem::read(&files).await {
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
        match pem.identity(&files) {
            Ok(renewed) => {
                acceptor.send_replace(renewed.acceptor);
                tracing::info!("the renewed certificates are used from now on");
                watched = Watched::new(renewed.validity);
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
    /// Off the worker threads: the files may be on a slow disk.
    async fn read(files: &Arc<TlsFiles>) -> anyhow::Result<Self> {
        let files = Arc::clone(files);
        spawn_blocking(move || Self::read_blocking(&files)).await?
    }

    fn read_blocking(files: &TlsFiles) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            read_regular_file(path, MAX_FILE_BYTES)
                .with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Self {
            certificates: read(&files.certificates)?,
            key: read(&files.key)?,
        })
    }

    /// TLS 1.2 or newer, for HTTP/2 and HTTP/1.1.
    fn identity(&self, files: &TlsFiles) -> anyhow::Result<Identity> {
        let certificates = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{} is not PEM", files.certificates.display()))?;
        let validity = certificates.first().and_then(Validity::of);
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
        Ok(Identity {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            validity,
        })
    }
}
