//! The options of the pages, and the state of their routes.

use std::sync::Arc;

use flowruns_domain::service::{Environment, FlowService, RunService};
use flowruns_http::{Admission, Draining, PipelineOptions, RequestPipeline};

use crate::{
    format::PageFormat,
    live::{LiveLimits, ViewKey},
    pages::overview::MarksCache,
    routes,
    visitor::Gate,
};

/// The options of the pages.
#[derive(Clone)]
pub struct DashboardOptions {
    /// Store, clock and ids.
    pub environment: Environment,
    /// Says who sent a request, and signs people in and out.
    pub gate: Arc<dyn Gate>,
    /// The admission that the pages share with the other front ends of the process.
    pub admission: Arc<Admission>,
    /// What the pipeline of requests needs. Its CORS policy allows no origins: pages are never called from elsewhere.
    pub pipeline: PipelineOptions,
    /// Ends streams of events when the server drains.
    pub draining: Draining,
    /// The limits of live pages.
    pub live: LiveLimits,
    /// Signs the addresses of live pages. All servers of a deployment need the same one.
    pub view_key: ViewKey,
    /// The host names under which the pages are served, with a port unless it is the default of the scheme. `localhost` and
    /// IP addresses are always allowed; a request for any other host is 421.
    pub hosts: Vec<String>,
    /// The version of the server, which the pages show.
    pub version: &'static str,
}

/// The state of the routes.
pub(crate) struct Dashboard {
    pub(crate) options: DashboardOptions,
    pub(crate) flows: FlowService,
    pub(crate) runs: RunService,
    pub(crate) pipeline: RequestPipeline<PageFormat>,
    pub(crate) marks: MarksCache,
}

impl Dashboard {
    pub(crate) fn new(options: DashboardOptions) -> Self {
        let format = PageFormat { version: options.version };
        Self {
            flows: FlowService::new(options.environment.clone()),
            runs: RunService::new(options.environment.clone()),
            marks: MarksCache::default(),
            pipeline: RequestPipeline::new(options.pipeline.clone(), format, routes::count()),
            options,
        }
    }
}
