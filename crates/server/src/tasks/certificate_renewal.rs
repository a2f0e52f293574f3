//! Reads the TLS certificates from their files, and again when the files have changed.

mod validity;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use flowruns_listener::{TlsCertificates, TlsError, TlsIdentity};
use tokio::task::spawn_blocking;

use self::validity::{Validity, ValidityStatus};
use super::PeriodicTask;
use crate::{config::TlsFiles, metrics::CERTIFICATE_EXPIRY};

/// Replaces the certificates of a listener whenever the files have changed and can be used.
pub(crate) struct CertificateRenewal {
    files: Arc<TlsFiles>,
    interval: Duration,
    certificates: TlsCertificates,
    /// The content of the files that the listener uses.
    current: Pem,
    monitor: ValidityMonitor,
}

/// The content of the two files.
#[derive(Eq, PartialEq)]
struct Pem {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

impl CertificateRenewal {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Files that are not regular, longer than 1 MiB, or not usable as certificates and their key.
    pub(crate) async fn load(files: TlsFiles, interval: Duration) -> anyhow::Result<Self> {
        let files = Arc::new(files);
        let current = Pem::read(&files).await?;
        let identity = current.identity(&files)?;
        Ok(Self {
            files,
            interval,
            current,
            monitor: ValidityMonitor::new(&identity),
            certificates: TlsCertificates::new(identity),
        })
    }

    pub(crate) fn certificates(&self) -> TlsCertificates {
        self.certificates.clone()
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let pem = Pem::read(&self.files).await?;
        if pem == self.current {
            return Ok(());
        }
        let identity = pem.identity(&self.files)?;
        self.monitor = ValidityMonitor::new(&identity);
        self.certificates.replace(identity);
        self.current = pem;
        tracing::info!("the renewed certificates are in use");
        Ok(())
    }
}

impl PeriodicTask for CertificateRenewal {
    const NAME: &'static str = "certificateRenewal";

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        self.monitor.check();
        let renewed = self.renew().await;
        renewed.context("the renewed certificates cannot be used; the former ones stay in use")
    }
}

/// The validity of the certificate in use, and its last status.
struct ValidityMonitor {
    /// `None` when the certificate cannot be read.
    validity: Option<Validity>,
    status: ValidityStatus,
}

impl ValidityMonitor {
    fn new(identity: &TlsIdentity) -> Self {
        let mut monitor = Self {
            validity: identity.certificate_der().and_then(Validity::of),
            status: ValidityStatus::Valid,
        };
        monitor.check();
        monitor
    }

    /// Sets the metric, and logs when the status has changed.
    fn check(&mut self) {
        let Some(validity) = self.validity else {
            metrics::gauge!(CERTIFICATE_EXPIRY).set(f64::NAN);
            return;
        };
        let now = SystemClock.now().date_time();
        metrics::gauge!(CERTIFICATE_EXPIRY).set(validity.seconds_left(now));
        let status = validity.status(now);
        if status == self.status {
            return;
        }
        self.status = status;
        let (not_before, not_after) = (validity.not_before, validity.not_after);
        match status {
            ValidityStatus::NotYetValid => {
                tracing::warn!(%not_before, "the TLS certificate is not valid yet; clients reject it")
            }
            ValidityStatus::Expired => {
                tracing::warn!(%not_after, "the TLS certificate has expired; clients reject it")
            }
            ValidityStatus::Valid => {
                tracing::info!(%not_after, "the TLS certificate is valid now")
            }
        }
    }
}

impl Pem {
    /// Reads outside of the worker threads, since the files may be on a slow disk.
    async fn read(files: &Arc<TlsFiles>) -> anyhow::Result<Self> {
        let files = Arc::clone(files);
        spawn_blocking(move || Self::read_blocking(&files)).await?
    }

    fn read_blocking(files: &TlsFiles) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            read_regular_file(path, MAX_FILE_BYTES)
                .with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Self { certificates: read(&files.certificates)?, key: read(&files.key)? })
    }

    fn identity(&self, files: &TlsFiles) -> anyhow::Result<TlsIdentity> {
        let (certificates, key) = (files.certificates.display(), files.key.display());
        TlsIdentity::from_pem(&self.certificates, &self.key).map_err(|error| {
            let message = match &error {
                TlsError::Certificates(_) => format!("{certificates} is not PEM"),
                TlsError::PrivateKey(_) => format!("{key} contains no private key in PEM"),
                _ => format!("{certificates} and {key} do not belong together"),
            };
            anyhow::Error::new(error).context(message)
        })
    }
}
