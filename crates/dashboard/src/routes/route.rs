//! One route of the table.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    handler::Handler,
    http::{Method, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter},
};

use super::note_route;
use crate::{
    address::Query,
    context::{PageContext, Representation},
    format,
    links::{self, OVERVIEW},
    live::Tick,
    options::Dashboard,
    page::{self, Page},
    pages,
    problem::Problem,
    request::{PageRequest, Refused, contexts},
    visitor::VisitorPath,
};

/// The methods of one path.
pub(super) struct Route {
    template: &'static str,
    methods: MethodRouter<Arc<Dashboard>>,
}

impl Route {
    /// A page of a visitor: GET and HEAD.
    pub(super) fn page<F>(template: &'static str, handler: fn(PageRequest) -> F) -> Self
    where
        F: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        Self { template, methods: MethodRouter::new() }.on(MethodFilter::GET, handler)
    }

    /// The same path with a form of a visitor too: POST. Its origin and its token are checked.
    pub(super) fn with_form<F>(self, handler: fn(PageRequest) -> F) -> Self
    where
        F: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        self.on(MethodFilter::POST, handler)
    }

    fn on<F>(self, method: MethodFilter, handler: fn(PageRequest) -> F) -> Self
    where
        F: Future<Output = Result<Page, Problem>> + Send + 'static,
    {
        let respond = move |State(dashboard): State<Arc<Dashboard>>, request: Request| {
            respond(dashboard, request, handler)
        };
        Self { methods: self.methods.on(method, respond), ..self }
    }

    /// GET without a session.
    pub(super) fn open<H, T>(template: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Dashboard>>,
        T: 'static,
    {
        let methods = MethodRouter::new().get(handler);
        Self { template, methods: methods.route_layer(axum::middleware::from_fn(noting)) }
    }

    /// A form that needs no session: POST. Its origin is checked.
    pub(super) fn open_form<F>(
        template: &'static str,
        handler: fn(Arc<Dashboard>, Arc<PageContext>, Request) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let respond = move |State(dashboard): State<Arc<Dashboard>>, request: Request| {
            respond_openly(dashboard, request, handler)
        };
        Self { template, methods: MethodRouter::new().post(respond) }
    }

    /// A stream of events: GET. It checks the session itself, since it is not admitted like a page.
    pub(super) fn stream<F>(
        template: &'static str,
        handler: fn(Arc<Dashboard>, Arc<PageContext>, Request) -> F,
    ) -> Self
    where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let respond = move |State(dashboard): State<Arc<Dashboard>>, request: Request| {
            respond_openly(dashboard, request, handler)
        };
        Self { template, methods: MethodRouter::new().get(respond) }
    }

    /// An address of the gate.
    pub(super) fn gate(template: &'static str, method: &Method, path: VisitorPath) -> Self {
        let respond = move |State(dashboard): State<Arc<Dashboard>>, request: Request| {
            respond_openly(dashboard, request, move |dashboard, page, request| {
                pages::sign_in::respond(dashboard, page, request, path)
            })
        };
        let methods = MethodRouter::new();
        let methods = match *method {
            Method::POST => methods.post(respond),
            _ => methods.get(respond),
        };
        Self { template, methods }
    }

    /// The path, which is the name in metrics too.
    pub(super) const fn template(&self) -> &'static str {
        self.template
    }

    /// Adds the route to a router.
    pub(super) fn mount(self, router: Router<Arc<Dashboard>>) -> Router<Arc<Dashboard>> {
        let router = router.route(self.template, self.methods.clone());
        match self.template {
            OVERVIEW => router.route("/ui/", self.methods),
            _ => router,
        }
    }
}

/// The response of a handler to a request of a visitor.
async fn respond<F>(
    dashboard: Arc<Dashboard>,
    request: Request,
    handler: impl FnOnce(PageRequest) -> F,
) -> Response
where
    F: Future<Output = Result<Page, Problem>>,
{
    let (parts, body) = request.into_parts();
    let (sent, page) = match contexts(&parts) {
        Ok((context, page)) => {
            note_route(&context, parts.extensions.get());
            (parts.clone(), page)
        }
        Err(error) => return error.into_response(),
    };
    let responded = async {
        let request =
            PageRequest::new(Arc::clone(&dashboard), Request::from_parts(parts, body)).await?;
        let made = handler(request).await?;
        if sent.extensions.get::<Tick>().is_some() {
            return Ok(Tick::response(made, &page.links).await);
        }
        let options = &dashboard.options;
        Ok::<_, Refused>(page::respond(made, &page, &sent.headers, options).await?)
    };
    match responded.await {
        Ok(response) => response,
        Err(Refused::SignIn) if page.representation == Representation::Html => sign_in(&page),
        Err(Refused::SignIn) => problem_response(Problem::not_signed_in(), &sent, &dashboard),
        Err(Refused::Problem(problem)) => problem_response(problem, &sent, &dashboard),
    }
}

/// The response of a handler that needs no session.
async fn respond_openly<F>(
    dashboard: Arc<Dashboard>,
    request: Request,
    handler: impl FnOnce(Arc<Dashboard>, Arc<PageContext>, Request) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Problem>>,
{
    let (parts, body) = request.into_parts();
    let page = match contexts(&parts) {
        Ok((context, page)) => {
            note_route(&context, parts.extensions.get());
            page
        }
        Err(error) => return error.into_response(),
    };
    let sent = parts.clone();
    let request = Request::from_parts(parts, body);
    match handler(Arc::clone(&dashboard), page, request).await {
        Ok(response) => response,
        Err(problem) => problem_response(problem, &sent, &dashboard),
    }
}

/// 303 to the sign-in, from where the browser returns to this address.
fn sign_in(page: &PageContext) -> Response {
    let next = (page.address != OVERVIEW).then_some(&page.address);
    let address = Query::new(links::SIGN_IN).with("next", next);
    page::see_other(&page.links.to(address))
}

/// The page of a problem.
pub(super) fn problem_response(problem: Problem, parts: &Parts, dashboard: &Dashboard) -> Response {
    let Problem { error, explanation } = problem;
    let Ok((context, page)) = contexts(parts) else {
        return error.into_response();
    };
    let version = dashboard.options.version;
    let body = format::error_body((&error, &explanation), &page, (context.request_id(), version));
    let mut response = error.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, body.content_type);
    // The router removes the body of a response to HEAD, and keeps its length.
    *response.body_mut() = Body::from(body.bytes);
    response
}

/// Notes the route of a request that no [`PageRequest`] reads.
async fn noting(request: Request, next: axum::middleware::Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Ok((context, _)) = contexts(&parts) {
        note_route(&context, parts.extensions.get());
    }
    next.run(Request::from_parts(parts, body)).await
}
