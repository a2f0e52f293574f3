//! One call of the API: 401, 403, 413, 415, 406 and then 400 are found in this order.

use std::sync::Arc;

use axum::{
    RequestPartsExt,
    extract::{MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts},
};
use bytes::Bytes;
use flowruns_domain::{
    FlowKey, IfMatch, Requester, RunAddress, RunId, Urgency,
    json::{JsonObject, parse_object},
};

use super::{
    accept::{JSON, takes},
    body::received,
    preconditions,
    prefer::Preference,
};
use crate::{
    auth::{Caller, Permission},
    batch::MAX_ITEMS,
    error::ApiError,
    limits::{Rank, footprint},
    observe::{NotLetIn, Trace},
    odata::{options::QueryOptions, origin::ConnectionAuthentication, root::ServiceRoot},
    state::Api,
};

/// Whether a call carries a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// It does not; one that is sent is not looked at.
    None,
    /// A JSON object.
    Json,
    /// A JSON object with a body for each item of a batch.
    Batch,
    /// It does not, and its answer is a page of many rows.
    List,
    /// It does not, and its answer is a count as plain text.
    Text,
}

impl Content {
    /// The longest body, in bytes; each item may be as long as if it came alone.
    pub(super) const fn limit(self, max_body_bytes: usize) -> usize {
        match self {
            Self::None | Self::List | Self::Text | Self::Json => max_body_bytes,
            Self::Batch => MAX_ITEMS * (max_body_bytes + ITEM_HEAD_BYTES),
        }
    }

    /// When it is refused among all that is under way. What ends a run is not known before its body is read.
    pub(super) fn rank(self, method: &Method) -> Rank {
        match self {
            Self::List | Self::Text => Rank::List,
            Self::None if method == Method::DELETE => Rank::Write,
            Self::None => Rank::Read,
            Self::Json | Self::Batch => Rank::EndsRun,
        }
    }
}

/// What an item of a batch may have beside its body, on average: method, URL and headers.
const ITEM_HEAD_BYTES: usize = 16 * 1024;

/// A call that may be made and can be read.
pub(crate) struct Call {
    pub(crate) caller: Arc<Caller>,
    pub(crate) root: ServiceRoot,
    pub(crate) preference: Preference,
    pub(crate) request: uuid::Uuid,
    pub(crate) trace: Arc<Trace>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    params: Vec<(String, String)>,
}

impl Call {
    /// Takes a request in, as far as 406. Without a permission any token will do.
    pub(crate) async fn new(
        api: &Api,
        request: Request,
        permission: impl Into<Option<Permission>>,
        content: Content,
    ) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let trace = parts
            .extensions
            .get::<Arc<Trace>>()
            .cloned()
            .unwrap_or_default();
        trace.note_route(parts.extensions.get::<MatchedPath>());
        let caller = authorized(api, &parts.headers, permission.into(), &trace).await?;
        if let Some(connection) = parts.extensions.get::<ConnectionAuthentication>() {
            connection.confirm();
        }
        api.callers
            .count(&caller)
            .map_err(ApiError::too_many_requests)?;
        let body = received(api, &trace, &parts, content, body).await?;
        check_media_types(&parts.headers, content)?;
        let params = path_params(&mut parts).await?;
        Ok(Self {
            caller,
            root: ServiceRoot::of(&parts, &api.options.trusted_proxies),
            preference: Preference::from_headers(&parts.headers),
            request: trace.request_id,
            trace,
            uri: parts.uri,
            headers: parts.headers,
            params,
            body,
        })
    }

    /// The options of a list.
    pub(crate) fn options(&self, allowed: &[&str]) -> Result<QueryOptions, ApiError> {
        QueryOptions::parse(self.uri.query(), allowed)
    }

    /// Refuses every query option.
    pub(crate) fn no_options(&self) -> Result<(), ApiError> {
        self.options(&[]).map(drop)
    }

    /// The flow of the URL.
    pub(crate) fn flow_key(&self) -> Result<FlowKey, ApiError> {
        Ok(FlowKey {
            tenant: self.caller.tenant,
            flow: self.id("flow")?,
        })
    }

    /// The run of the URL, in both of its forms.
    pub(crate) fn run_address(&self) -> Result<RunAddress, ApiError> {
        let flow = self.flow_key()?;
        let run: RunId = self.id("run")?;
        if self.param("target").is_none() {
            return Ok(RunAddress {
                key: flow.run(run),
                via: None,
            });
        }
        Ok(RunAddress {
            key: flow.run(self.id("target")?),
            via: Some(run),
        })
    }

    /// The run on the way to a list of runs, if there is one.
    pub(crate) fn via(&self) -> Result<Option<RunId>, ApiError> {
        self.param("run").map(|_| self.id("run")).transpose()
    }

    /// If-Match, unless it is absent.
    pub(crate) fn sent_if_match(&self) -> Result<Option<IfMatch>, ApiError> {
        preconditions::if_match(&self.headers)
    }

    /// If-None-Match, unless it is absent.
    pub(crate) fn sent_if_none_match(&self) -> Result<Option<IfMatch>, ApiError> {
        preconditions::if_none_match(&self.headers)
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<JsonObject, ApiError> {
        parse_object(&self.body)
            .map_err(|error| ApiError::bad_request("malformedJson", error.to_string()))
    }

    /// The body as it was sent.
    pub(crate) const fn body(&self) -> &Bytes {
        &self.body
    }

    /// A header, unless it is absent.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// Who asks, for the history.
    pub(crate) fn requester(&self) -> Requester {
        Requester {
            actor: self.caller.actor.clone(),
            request: self.request,
            bytes: footprint(&self.body),
        }
    }

    /// Refuses a write while too much is under way, now that it is known whether it ends a run.
    pub(crate) fn admit(&self, urgency: Urgency) -> Result<(), ApiError> {
        let place = self.trace.place();
        Ok(place.map_or(Ok(()), |place| place.check(urgency.into()))?)
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn id<T: std::str::FromStr<Err = flowruns_domain::InvalidId>>(
        &self,
        name: &str,
    ) -> Result<T, ApiError> {
        let text = self.param(name).unwrap_or_default();
        text.parse().map_err(|error: flowruns_domain::InvalidId| {
            ApiError::bad_request("invalidId", error.to_string()).with_target("id")
        })
    }
}

/// What the client demands, or what the server demands of it.
pub(crate) fn if_match_or_default(api: &Api, sent: Option<IfMatch>) -> IfMatch {
    match (sent, api.options.require_if_match) {
        (Some(sent), _) => sent,
        (None, true) => IfMatch::Missing,
        (None, false) => IfMatch::Absent,
    }
}

async fn authorized(
    api: &Api,
    headers: &HeaderMap,
    permission: Option<Permission>,
    trace: &Trace,
) -> Result<Arc<Caller>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        NotLetIn::NoToken.count();
        let message =
            "send Authorization: Bearer and a token; `flowruns token` mints one for the local key";
        return Err(ApiError::unauthorized(message, false));
    };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = token
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        NotLetIn::NoToken.count();
        return Err(ApiError::unauthorized(
            "Authorization must be Bearer and a token",
            false,
        ));
    };
    let verified = api.options.verifier.verify(token).await;
    let caller = verified.map_err(|refused| {
        NotLetIn::Token(refused).count();
        ApiError::token_refused(refused)
    })?;
    trace.note_tenant(caller.tenant);
    match permission {
        Some(permission) if !caller.may(permission) => {
            NotLetIn::NoPermission.count();
            Err(ApiError::forbidden(permission.name()))
        }
        Some(_) | None => Ok(caller),
    }
}

fn check_media_types(headers: &HeaderMap, content: Content) -> Result<(), ApiError> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::unsupported_media_type(
            "a body with a Content-Encoding is not read; send it plain",
        ));
    }
    if matches!(content, Content::Json | Content::Batch) && !is_json(headers) {
        return Err(ApiError::unsupported_media_type(
            "send Content-Type: application/json",
        ));
    }
    let accepted = match content {
        Content::Text => takes(headers, "text/plain") || takes(headers, JSON),
        Content::None | Content::List | Content::Json | Content::Batch => takes(headers, JSON),
    };
    match accepted {
        true => Ok(()),
        false => Err(ApiError::not_acceptable()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value
        .to_str()
        .ok()
        .and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

async fn path_params(parts: &mut Parts) -> Result<Vec<(String, String)>, ApiError> {
    let params = parts
        .extract::<RawPathParams>()
        .await
        .map_err(|_not_utf8| {
            ApiError::bad_request("invalidId", "the path is not UTF-8 after decoding")
        })?;
    Ok(params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}
