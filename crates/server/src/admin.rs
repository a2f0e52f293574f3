//! The admin port: probes and metrics without a token, for the operators of the server.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use flowruns_http::health_routes;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    config::AdminSettings,
    metrics::{self, Recorder, Scrape},
};

/// The content type of `/metrics`: the text format of Prometheus.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A port that is open, and the recorder whose metrics it will show.
pub(crate) struct AdminPort {
    listener: TcpListener,
    recorder: Recorder,
}

impl AdminPort {
    /// Opens the port and starts recording metrics, so it must be called before anything that counts. Returns `None` when no
    /// admin port is configured, or when its default address is in use: several servers may run on one machine.
    pub(crate) async fn open(admin: &AdminSettings) -> anyhow::Result<Option<Self>> {
        let Some(address) = admin.listen else {
            return Ok(None);
        };
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) if admin.is_set => {
                return Err(error).with_context(|| {
                    format!("cannot listen on {address} for admin.listen; does another server use it? Set FLOWRUNS_ADMIN__LISTEN to another address, or to nothing for no admin port")
                });
            }
            Err(error) => {
                tracing::warn!(%address, %error, "no admin port and no /metrics: the default address is in use; set FLOWRUNS_ADMIN__LISTEN to another");
                return Ok(None);
            }
        };
        let address = listener.local_addr()?;
        tracing::info!(%address, "the admin port is open");
        warn_beyond_loopback(address);
        Ok(Some(Self { listener, recorder: metrics::start_recording()? }))
    }

    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Serves until the task is aborted.
    pub(crate) fn serve(self, scrape: Scrape) -> JoinHandle<()> {
        let readiness = scrape.readiness().clone();
        let recorder = self.recorder.clone();
        let routes = Router::new()
            .route("/metrics", get(get_metrics))
            .with_state(Arc::new((recorder, scrape)))
            .merge(health_routes(readiness));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, routes).await {
                tracing::error!(%error, "the admin port has failed");
            }
        })
    }
}

fn warn_beyond_loopback(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "the admin port needs no token and is reachable from other machines");
    }
}

async fn get_metrics(State(state): State<Arc<(Recorder, Scrape)>>) -> impl IntoResponse {
    let (recorder, scrape) = &*state;
    scrape.measure().await;
    ([(header::CONTENT_TYPE, EXPOSITION)], recorder.render())
}
