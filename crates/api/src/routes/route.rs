//! One route of the table.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::Request,
    handler::Handler,
    middleware::{self, Next},
    response::Response,
    routing::{MethodFilter, MethodRouter},
};
use utoipa::openapi::{
    HttpMethod, Server,
    path::{OperationBuilder, PathItem, PathItemBuilder},
};

use super::note_route;
use crate::{batch::ItemRoutes, state::Api};

/// The version segment below which most routes are served too.
pub(super) const BETA: &str = "/beta";

pub(super) const GET: (MethodFilter, HttpMethod) = (MethodFilter::GET, HttpMethod::Get);
pub(super) const POST: (MethodFilter, HttpMethod) = (MethodFilter::POST, HttpMethod::Post);
pub(super) const PATCH: (MethodFilter, HttpMethod) = (MethodFilter::PATCH, HttpMethod::Patch);
pub(super) const DELETE: (MethodFilter, HttpMethod) = (MethodFilter::DELETE, HttpMethod::Delete);

/// Describes an operation at a path of the OpenAPI document.
type Describe = fn(&str) -> OperationBuilder;

/// The operations of one path.
pub(super) struct Route {
    template: String,
    name: Option<&'static str>,
    methods: MethodRouter<Arc<Api>>,
    operations: Vec<(HttpMethod, Describe)>,
    is_batch: bool,
    is_open: bool,
    is_below_beta: bool,
}

impl Route {
    /// A route that needs a token, at the root and below `/beta`.
    pub(super) fn new(template: impl Into<String>) -> Self {
        Self {
            template: template.into(),
            name: None,
            methods: MethodRouter::new(),
            operations: Vec::new(),
            is_batch: false,
            is_open: false,
            is_below_beta: true,
        }
    }

    /// A route that needs no token, at the root and below `/beta`.
    pub(super) fn open(template: impl Into<String>) -> Self {
        Self { is_open: true, ..Self::new(template) }
    }

    /// A route that needs no token, at the root only.
    pub(super) fn at_root(template: impl Into<String>) -> Self {
        Self { is_below_beta: false, ..Self::open(template) }
    }

    /// The same route with another name in metrics than its template.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Adds an operation.
    pub(super) fn on<H, T>(
        mut self,
        (filter, method): (MethodFilter, HttpMethod),
        handler: H,
        describe: Describe,
    ) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        self.methods = self.methods.on(filter, handler);
        self.operations.push((method, describe));
        self
    }

    /// Adds GET of a part of another route, such as the files of a page, which the document does not describe.
    pub(super) fn get_undescribed<H, T>(mut self, handler: H) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        self.methods = self.methods.get(handler);
        self
    }

    /// The same route as that of batches, whose handler gets the routes of the items as an extension.
    pub(super) fn with_items(self) -> Self {
        Self { is_batch: true, ..self }
    }

    /// Whether this is the route of batches, which no item of a batch may use.
    pub(super) const fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// Adds the route to a router.
    pub(super) fn mount(
        self,
        router: Router<Arc<Api>>,
        items: Option<&ItemRoutes>,
    ) -> Router<Arc<Api>> {
        let mut methods = self.methods;
        if self.is_open {
            methods = methods.route_layer(middleware::from_fn(note_open_route));
        }
        if let Some(items) = items.filter(|_| self.is_batch) {
            methods = methods.route_layer(Extension(items.clone()));
        }
        if !self.is_below_beta {
            return router.route(&self.template, methods);
        }
        let below_beta = format!("{BETA}{}", self.template);
        let below_beta = below_beta.strip_suffix('/').unwrap_or(&below_beta);
        router.route(&self.template, methods.clone()).route(below_beta, methods)
    }

    /// The template, and the name in metrics where that is another one.
    pub(super) fn into_names(self) -> (String, Option<&'static str>) {
        (self.template, self.name)
    }

    /// The path of the OpenAPI document and its operations, unless none is described.
    pub(super) fn into_path_item(self) -> Option<(String, PathItem)> {
        if self.operations.is_empty() {
            return None;
        }
        let path = openapi_path(&self.template);
        let operations = self.operations.into_iter();
        let mut item = operations.fold(PathItemBuilder::new(), |item, (method, describe)| {
            item.operation(method, describe(&path))
        });
        if !self.is_below_beta {
            item = item.servers(Some([Server::new("/")]));
        }
        Some((path, item.build()))
    }
}

/// The path of a template in the OpenAPI document, whose parameters have other names.
pub(super) fn openapi_path(template: &str) -> String {
    template
        .replace("{flow}", "{flowId}")
        .replace("{run}", "{runId}")
        .replace("{target}", "{runId2}")
}

async fn note_open_route(request: Request, next: Next) -> Response {
    note_route(&request);
    next.run(request).await
}
