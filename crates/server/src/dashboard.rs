//! The pages for people, beside the API.

use std::sync::Arc;

use axum::{Router, http::HeaderValue};
use flowruns_api::ApiOptions;
use flowruns_dashboard::{DashboardOptions, LiveLimits, ViewKey};
use flowruns_http::{Admission, CorsPolicy, Draining, PipelineOptions};
use reqwest::Url;

use crate::{config::Settings, shared_secret::SharedSecret, sign_in};

/// Derives the key of the addresses of live pages.
const VIEW_KEY_LABEL: &str = "dashboard view";

/// The routes of the pages, with the options of the API that both have in common.
pub(crate) fn router(
    settings: &Settings,
    api: &ApiOptions,
    admission: Arc<Admission>,
    secret: &SharedSecret,
    draining: Draining,
) -> anyhow::Result<Router> {
    let clock = &api.environment.clock;
    let none = HeaderValue::from_static("");
    let pipeline = PipelineOptions {
        clock: Arc::clone(clock),
        ids: Arc::clone(&api.environment.ids),
        request_timeout: api.request_timeout,
        trusted_proxies: api.trusted_proxies.clone(),
        cors: CorsPolicy {
            origins: Vec::new(),
            methods: none.clone(),
            request_headers: none.clone(),
            response_headers: none,
        },
        tracer: api.tracer.clone(),
    };
    let public_url = settings.dashboard.public_url()?;
    Ok(flowruns_dashboard::router(DashboardOptions {
        environment: api.environment.clone(),
        gate: sign_in::open(settings, &api.verifier, secret, &**clock)?,
        admission,
        pipeline,
        draining,
        live: LiveLimits::default(),
        view_key: ViewKey::new(&secret.key_for(VIEW_KEY_LABEL)?),
        hosts: public_url.iter().filter_map(host).collect(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// The host of a URL, with its port unless it is the default of the scheme.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
