//! The admin port: probes and metrics, without a token, for those who operate the server.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use flowruns_api::health_routes;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    config::Admin,
    metrics::{self, Recorder, Scrape},
};

/// What `/metrics` is written in.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The port that was taken, and the recorder of what it will show.
pub(crate) struct AdminPort {
    listener: TcpListener,
    recorder: Recorder,
}

impl AdminPort {
    /// Takes the port and starts to count: to be called before anything else that counts is made. `None` when there is
    /// to be no admin port, or when its default is another's: several servers may run on one machine.
    pub(crate) async fn open(admin: &Admin) -> anyhow::Result<Option<Self>> {
        let Some(address) = admin.listen else {
            return Ok(None);
        };
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) if admin.is_set => {
                return Err(error).with_context(|| {
                    format!("cannot listen on {address} for admin.listen; is another server there? FLOWRUNS_ADMIN__LISTEN sets another address, empty for none")
                });
            }
            Err(error) => {
                tracing::warn!(%address, %error, "no admin port, so no /metrics: the default address is taken; FLOWRUNS_ADMIN__LISTEN sets another");
                return Ok(None);
            }
        };
        let address = listener.local_addr()?;
        tracing::info!(%address, "the admin port is open");
        warn_beyond_loopback(address);
        Ok(Some(Self {
            listener,
            recorder: metrics::record()?,
        }))
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
        tracing::warn!(%address, "the admin port asks nobody for a token, and is open beyond this machine");
    }
}

async fn get_metrics(State(state): State<Arc<(Recorder, Scrape)>>) -> impl IntoResponse {
    let (recorder, scrape) = &*state;
    scrape.measure().await;
    ([(header::CONTENT_TYPE, EXPOSITION)], recorder.render())
}
