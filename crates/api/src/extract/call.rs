//! One call of the API: 401, 403, 413, 415, 406 and then 400 are found in this order.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Uri},
};
use bytes::Bytes;
use flowruns_domain::{
    Fault, FlowKey, IfMatch, Preconditions, Requester, RunAddress, RunId, Urgency, Via,
    json::{JsonObject, parse_object},
};
use tokio::time::Instant;

use super::{
    accept::check_media_types,
    bearer::bearer_token,
    body::{Received, received, reserve},
    odata_version::check_versions,
    path::{check_keys, path_params, read_id},
    preconditions,
    prefer::Preference,
};
use crate::{
    auth::{Caller, Permission},
    batch::MAX_ITEMS,
    error::ApiError,
    observe::{NotLetIn, Trace},
    odata::{
        key_path::PathKeys, options::QueryOptions, origin::ConnectionAuthentication,
        page::PageBytes, page_preference::MaxPageSize, root::ServiceRoot,
    },
    offload::offload_if_long,
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
}

/// What an item of a batch may have beside its body, on average: method, URL and headers.
const ITEM_HEAD_BYTES: usize = 16 * 1024;

/// How often a page is in memory while it is made: as the database sent it, as values, and as text.
const COPIES_OF_A_PAGE: usize = 3;

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
    /// It was admitted before it was known whether it ends a run.
    is_unclassified: bool,
    /// The most bytes of a page that answers it.
    pub(crate) page_bytes: PageBytes,
    params: Vec<(String, String)>,
    path_keys: Option<Arc<PathKeys>>,
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
        let admission = (api.callers.id(&caller), content);
        let received = received(api, &trace, &parts, admission, body).await?;
        let Received {
            bytes: body,
            is_unclassified,
        } = received;
        check_media_types(&parts.method, &parts.headers, content)?;
        check_versions(&parts.headers)?;
        let page_bytes = parts.extensions.get().copied().unwrap_or_default();
        let params = path_params(&mut parts).await?;
        Ok(Self {
            caller,
            path_keys: parts.extensions.get::<Arc<PathKeys>>().cloned(),
            root: ServiceRoot::of(&parts, &api.options.trusted_proxies),
            preference: Preference::from_headers(&parts.headers),
            request: trace.request_id,
            trace,
            uri: parts.uri,
            headers: parts.headers,
            params,
            body,
            is_unclassified,
            page_bytes,
        })
    }

    /// The options of a list.
    pub(crate) fn options(&self, allowed: &[&str]) -> Result<QueryOptions, ApiError> {
        let options = QueryOptions::parse(self.uri.query(), allowed)?;
        Ok(options.preferring(MaxPageSize::from_headers(&self.headers)))
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
        Ok(match self.param("target") {
            None => RunAddress {
                key: flow.run(run),
                via: self.via_and(None)?,
            },
            Some(_) => RunAddress {
                key: flow.run(self.id("target")?),
                via: self.via_and(Some(run))?,
            },
        })
    }

    /// The run of a URL without a flow.
    pub(crate) fn run_id(&self) -> Result<RunId, ApiError> {
        self.id("run")
    }

    /// The runs that the URL of a list goes through.
    pub(crate) fn via(&self) -> Result<Via, ApiError> {
        let last = self.param("run").map(|_| self.id("run")).transpose()?;
        self.via_and(last)
    }

    /// The runs that the route does not have, then the one that it has.
    fn via_and(&self, last: Option<RunId>) -> Result<Via, ApiError> {
        let keys = self.path_keys.as_deref();
        let earlier = keys.iter().flat_map(|keys| &keys.earlier_runs);
        let earlier = earlier.map(|id| read_id(id));
        let mut runs = earlier.collect::<Result<Vec<RunId>, ApiError>>()?;
        runs.extend(last);
        // Longer paths have no route.
        Ok(Via::new(runs).unwrap_or_default())
    }

    /// If-Match and If-None-Match of a read.
    pub(crate) fn conditions(&self) -> Result<Preconditions, ApiError> {
        Ok(Preconditions {
            if_match: preconditions::if_match(&self.headers)?.unwrap_or_default(),
            if_none_match: preconditions::if_none_match(&self.headers)?,
        })
    }

    /// If-Match and If-None-Match of a write, of which the server may demand the first.
    pub(crate) fn preconditions(&self, api: &Api) -> Result<Preconditions, ApiError> {
        let if_match = match preconditions::if_match(&self.headers)? {
            Some(sent) => sent,
            None if api.options.require_if_match => IfMatch::Missing,
            None => IfMatch::Absent,
        };
        Ok(Preconditions {
            if_match,
            if_none_match: preconditions::if_none_match(&self.headers)?,
        })
    }

    /// What `read` makes of the body as a JSON object. A long one is parsed, read and dropped on another thread.
    pub(crate) async fn read_object<T: Send + 'static>(
        &self,
        read: impl FnOnce(JsonObject) -> Result<T, Vec<Fault>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let body = self.body.clone();
        offload_if_long(body.len(), move || {
            let object = parse_object(&body)
                .map_err(|error| ApiError::bad_request("malformedJson", error.to_string()))?;
            Ok(read(object)?)
        })
        .await
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
        }
    }

    /// Waits until there is memory for a page of up to `rows` rows of about `row_bytes` each.
    pub(crate) async fn reserve_page(
        &self,
        api: &Api,
        rows: usize,
        row_bytes: usize,
    ) -> Result<(), ApiError> {
        let content = rows.saturating_mul(row_bytes);
        let bytes = COPIES_OF_A_PAGE * content.min(self.page_bytes.0 as usize);
        match self.trace.permit().filter(|permit| bytes > permit.bytes()) {
            Some(permit) => {
                let end = Instant::now() + api.options.limits.max_wait;
                reserve(permit, bytes, end).await
            }
            None => Ok(()),
        }
    }

    /// Refuses a write that the reserve for reports that end a run is not for, now that it is known whether it ends one.
    pub(crate) fn admit(&self, urgency: Urgency) -> Result<(), ApiError> {
        match self.trace.permit().filter(|_| self.is_unclassified) {
            Some(permit) => Ok(permit.reclassify(urgency.into(), permit.bytes())?),
            None => Ok(()),
        }
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
        check_keys(self.path_keys.as_deref())?;
        read_id(self.param(name).unwrap_or_default())
    }
}

async fn authorized(
    api: &Api,
    headers: &HeaderMap,
    permission: Option<Permission>,
    trace: &Trace,
) -> Result<Arc<Caller>, ApiError> {
    let token = bearer_token(headers).inspect_err(|_| NotLetIn::NoToken.count())?;
    let verified = api.options.verifier.verify(token).await;
    let caller = verified.map_err(|refused| {
        NotLetIn::Token(refused).count();
        ApiError::token_refused(refused)
    })?;
    trace.note_tenant(caller.tenant);
    match permission {
        Some(permission) if !caller.may(permission) => {
            NotLetIn::NoPermission.count();
            Err(ApiError::forbidden(permission))
        }
        Some(_) | None => Ok(caller),
    }
}
