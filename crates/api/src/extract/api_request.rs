//! A request to the API, checked in the contract's order: 401, 403, 429, 503, 413, 415, 406 and then 400.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, RawPathParams, Request},
    http::{HeaderMap, Uri},
};
use bytes::Bytes;
use flowruns_domain::{
    id::{FlowKey, RunId},
    json::{JsonObject, parse_object},
    run::{RunAddress, Urgency, Via},
    service::Requester,
    version::{IfMatch, Preconditions},
    violation::RuleViolation,
};
use flowruns_http::{
    RequestContext,
    auth::{Caller, Permission, authenticate},
    reserve,
};

use super::{
    accept::check_media_types,
    body_kind::BodyKind,
    odata_version::check_versions,
    path::{check_keys, path_params, read_id},
    preconditions,
    prefer::Preference,
    receive::{Received, receive},
};
use crate::{
    error::ApiError,
    odata::{
        key_path::PathKeys, options::QueryOptions, page::PageBytes, page_preference::MaxPageSize,
        root::ServiceRoot,
    },
    offload::OFFLOAD,
    routes::route_name,
    state::Api,
};

/// How many copies of a page are in memory while it is made: as the database sent it, as values, and as text.
const COPIES_OF_A_PAGE: usize = 3;

/// A request that is authorized, admitted and can be read.
pub(crate) struct ApiRequest {
    pub(crate) caller: Arc<Caller>,
    pub(crate) root: ServiceRoot,
    pub(crate) preference: Preference,
    pub(crate) context: Arc<RequestContext>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// It was admitted before it was known whether it ends a run.
    is_unclassified: bool,
    /// The maximum size of a page in the response, in bytes.
    pub(crate) page_bytes: PageBytes,
    params: RawPathParams,
    path_keys: Option<Arc<PathKeys>>,
}

impl ApiRequest {
    /// Authenticates, admits and reads a request, as far as 406. Without a permission any token is accepted.
    pub(crate) async fn new(
        api: &Api,
        request: Request,
        permission: impl Into<Option<Permission>>,
        kind: BodyKind,
    ) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let context = parts.extensions.get::<Arc<RequestContext>>();
        let context = context.cloned().ok_or_else(|| {
            ApiError::internal("a request that has not passed through the pipeline")
        })?;
        context.note_route(route_name(parts.extensions.get::<MatchedPath>()));
        let (verifier, permission) = (&api.options.verifier, permission.into());
        let caller = authenticate(verifier, &parts, permission, &context).await?;
        let caller_id = api.admission.count(&caller)?;
        let received = receive(api, &context, &parts, (caller_id, kind), body).await?;
        let Received { bytes: body, is_unclassified } = received;
        check_media_types(&parts.method, &parts.headers, kind)?;
        check_versions(&parts.headers)?;
        let params = path_params(&mut parts).await?;
        Ok(Self {
            caller,
            root: ServiceRoot::of(&parts, &api.options.trusted_proxies),
            preference: Preference::from_headers(&parts.headers),
            context,
            path_keys: parts.extensions.get().cloned(),
            page_bytes: parts.extensions.get().copied().unwrap_or_default(),
            uri: parts.uri,
            headers: parts.headers,
            body,
            is_unclassified,
            params,
        })
    }

    /// The options of a list.
    pub(crate) fn options(&self, allowed: &[&str]) -> Result<QueryOptions, ApiError> {
        let options = QueryOptions::parse(self.uri.query(), allowed)?;
        Ok(options.preferring(MaxPageSize::from_headers(&self.headers)))
    }

    /// Rejects every query option.
    pub(crate) fn no_options(&self) -> Result<(), ApiError> {
        self.options(&[]).map(drop)
    }

    /// The flow of the URL.
    pub(crate) fn flow_key(&self) -> Result<FlowKey, ApiError> {
        Ok(FlowKey { tenant: self.caller.tenant, flow: self.id("flow")? })
    }

    /// The run of the URL, directly or through the process of another run.
    pub(crate) fn run_address(&self) -> Result<RunAddress, ApiError> {
        let flow = self.flow_key()?;
        let run: RunId = self.id("run")?;
        Ok(match self.param("target") {
            None => RunAddress { key: flow.run(run), via: self.via_and(None)? },
            Some(_) => {
                RunAddress { key: flow.run(self.id("target")?), via: self.via_and(Some(run))? }
            }
        })
    }

    /// The run of a URL without a flow.
    pub(crate) fn run_id(&self) -> Result<RunId, ApiError> {
        self.id("run")
    }

    /// The runs that the URL of a list names before it.
    pub(crate) fn via(&self) -> Result<Via, ApiError> {
        let last = self.param("run").map(|_| self.id("run")).transpose()?;
        self.via_and(last)
    }

    /// The runs that the path names before the parameters of its route, then `last`, the one that is a parameter.
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

    /// If-Match and If-None-Match of a write; a setting can make the first mandatory.
    pub(crate) fn preconditions(&self, api: &Api) -> Result<Preconditions, ApiError> {
        let if_match = match preconditions::if_match(&self.headers)? {
            Some(sent) => sent,
            None if api.options.require_if_match => IfMatch::AbsentButRequired,
            None => IfMatch::Absent,
        };
        Ok(Preconditions { if_match, if_none_match: preconditions::if_none_match(&self.headers)? })
    }

    /// Parses the body as a JSON object and returns the result of `read`. A long body is parsed, read and dropped on another
    /// thread.
    pub(crate) async fn read_object<T: Send + 'static>(
        &self,
        read: impl FnOnce(JsonObject) -> Result<T, Vec<RuleViolation>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let body = self.body.clone();
        OFFLOAD
            .run_if_long(body.len(), move || {
                let object = parse_object(&body)
                    .map_err(|error| ApiError::bad_request("malformedJson", error.to_string()))?;
                Ok(read(object)?)
            })
            .await
    }

    /// The author of a change, for the history.
    pub(crate) fn requester(&self) -> Requester {
        Requester { actor: self.caller.actor.clone(), request: self.context.request_id() }
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
        let permit = self.context.permit();
        match permit.filter(|permit| bytes > permit.bytes()) {
            Some(permit) => Ok(reserve(permit, bytes, api.admission.wait_end()).await?),
            None => Ok(()),
        }
    }

    /// Rejects a write that was admitted with the capacity reserved for reports that end a run, if it does not end one.
    pub(crate) fn admit(&self, urgency: Urgency) -> Result<(), ApiError> {
        match self.context.permit().filter(|_| self.is_unclassified) {
            Some(permit) => Ok(permit.reclassify(urgency.into(), permit.bytes())?),
            None => Ok(()),
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn id<T: std::str::FromStr<Err = flowruns_domain::id::InvalidId>>(
        &self,
        name: &str,
    ) -> Result<T, ApiError> {
        check_keys(self.path_keys.as_deref())?;
        read_id(self.param(name).unwrap_or_default())
    }
}
