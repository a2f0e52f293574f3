//! The OpenAPI document, and a page that shows it offline. Neither needs a token.

use std::sync::{Arc, LazyLock};

use axum::{
    Extension,
    body::Body,
    extract::{Path, rejection::PathRejection},
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use flowruns_http::add_page_headers;
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use crate::{error::ApiError, odata::key_path::SentUri, openapi::openapi_json};

static DOCUMENT: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(openapi_json);
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/openapi.json"]).use_base_layout();
    Arc::new(config.try_it_out_enabled(true))
});
/// The page is at `/docs` and its files are below; for a browser that requested `/docs/` they are in the same folder.
const HEAD: &str = "<head>";
const BASE: &str = "docs/";
const BASE_OF_FOLDER: &str = "./";

pub(crate) async fn openapi() -> Result<Response, ApiError> {
    let document = DOCUMENT.as_ref().map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(of_type("application/json", document.as_str()))
}

pub(crate) async fn page(sent: Option<Extension<SentUri>>, uri: Uri) -> Result<Response, ApiError> {
    let sent = sent.as_ref().map_or(&uri, |Extension(SentUri(uri))| uri);
    let base = match sent.path().ends_with('/') {
        true => BASE_OF_FOLDER,
        false => BASE,
    };
    match file("index.html")? {
        Some(index) => {
            let html = String::from_utf8_lossy(&index.bytes);
            let head = format!("{HEAD}\n    <base href=\"{base}\">");
            let html = html.replacen(HEAD, &head, 1);
            Ok(of_type("text/html; charset=utf-8", html))
        }
        None => Err(ApiError::route_not_found(uri.path())),
    }
}

/// No file has a name that is not UTF-8 after decoding.
pub(crate) async fn page_file(
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let Ok(Path(name)) = name else {
        return Err(ApiError::route_not_found(uri.path()));
    };
    match file(&name)? {
        Some(file) => Ok(of_type(&file.content_type, file.bytes.into_owned())),
        None => Err(ApiError::route_not_found(uri.path())),
    }
}

fn file(name: &str) -> Result<Option<SwaggerFile<'static>>, ApiError> {
    serve(name, Arc::clone(&PAGE)).map_err(|error| ApiError::internal(error.to_string()))
}

fn of_type(media_type: &str, body: impl Into<Body>) -> Response {
    let mut response = body.into().into_response();
    if let Ok(media_type) = HeaderValue::from_str(media_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    }
    add_page_headers(&mut response);
    response
}
