//! The blockingError of a run as people read it: the message first.

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    run::PublicError,
};
use maud::{Markup, html};

use crate::view::{
    icon::{Icon, icon},
    json,
    leaf::{self, LeafPath},
};

/// How many details are shown.
const MAX_DETAILS: usize = 20;
/// The longest message that is shown whole, in code points.
const MAX_MESSAGE: usize = 4000;

/// What the page shows of an error.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ErrorView {
    code: Option<String>,
    message: Option<String>,
    target: Option<String>,
    details: Vec<Detail>,
    details_left_out: usize,
    inner: Option<JsonObject>,
    /// Members of another tool, which have no meaning here.
    others: Vec<(String, String)>,
}

/// One of the details.
#[derive(Clone, Debug, PartialEq)]
struct Detail {
    code: Option<String>,
    message: Option<String>,
    target: Option<String>,
}

impl ErrorView {
    pub(super) fn new(error: &PublicError) -> Self {
        let members = error.members();
        let details = match members.get("details") {
            Some(JsonValue::Array(details)) => details.as_slice(),
            _ => &[],
        };
        let known = ["code", "message", "target", "details", "innerError"];
        let others = members.iter().filter(|(name, _)| !known.contains(name));
        Self {
            code: text(members, "code"),
            message: text(members, "message"),
            target: text(members, "target"),
            details: details.iter().take(MAX_DETAILS).map(Detail::new).collect(),
            details_left_out: details.len().saturating_sub(MAX_DETAILS),
            inner: match members.get("innerError") {
                Some(JsonValue::Object(inner)) => Some(inner.clone()),
                _ => None,
            },
            others: others
                .flat_map(|(name, value)| leaves(name, value))
                .take(MAX_DETAILS)
                .collect(),
        }
    }

    /// The error as a part of the page. `seen` says how often its code was seen lately.
    pub(super) fn markup(&self, seen: Option<&Markup>) -> Markup {
        html! {
            section.error-box #run-error aria-labelledby="e-t" {
                header {
                    (icon(Icon::Failed))
                    h2 #e-t { "Blocking error" }
                    @if let Some(code) = &self.code { code { bdi { (leaf::cut(code)) } } }
                    span.grow {}
                    @if let Some(seen) = seen { (seen) }
                }
                div.body {
                    @match &self.message {
                        Some(message) => p.msg dir="auto" { (leaf::cut_at(message, MAX_MESSAGE)) },
                        None => p.dim { "The report has no message." },
                    }
                    (self.facts())
                    @if !self.details.is_empty() { (self.details()) }
                    @if let Some(inner) = &self.inner { (inner_error(inner)) }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let target = self.target.as_ref().map(|target| ("Target", leaf::cut(target)));
        let others = self.others.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let facts: Vec<(&str, String)> = target.into_iter().chain(others).collect();
        html! {
            @if !facts.is_empty() {
                dl.facts {
                    @for (name, value) in &facts { div { dt { bdi { (name) } } dd.mono { bdi { (value) } } } }
                }
            }
        }
    }

    fn details(&self) -> Markup {
        html! {
            div.wide-scroll tabindex="0" role="region" aria-label="Details of the error" {
                table.cards {
                    caption.sr { "Details" }
                    thead { tr { th { "Code" } th { "Message" } th { "Target" } } }
                    tbody {
                        @for detail in &self.details {
                            tr {
                                td.mono data-l="Code" { @if let Some(code) = &detail.code { bdi { (leaf::cut(code)) } } }
                                td.full data-l="Message" dir="auto" { @if let Some(message) = &detail.message { (leaf::cut(message)) } }
                                td.mono.full data-l="Target" { @if let Some(target) = &detail.target { bdi { (leaf::cut(target)) } } }
                            }
                        }
                    }
                }
            }
            @if self.details_left_out > 0 {
                p.small.dim { (self.details_left_out) " more details are in the JSON below." }
            }
        }
    }
}

impl Detail {
    fn new(value: &JsonValue) -> Self {
        let JsonValue::Object(members) = value else {
            return Self { code: None, message: Some(leaf::shown(value)), target: None };
        };
        let of = |name| text(members, name);
        Self { code: of("code"), message: of("message"), target: of("target") }
    }
}

fn inner_error(inner: &JsonObject) -> Markup {
    html! {
        details {
            summary {
                "innerError"
                @if let Some(code) = text(inner, "code") { ": " code { bdi { (leaf::cut(&code)) } } }
            }
            (json::block(&JsonValue::Object(inner.clone()), "innerError"))
        }
    }
}

/// The leaves of a member of another tool, each with its path.
fn leaves(name: &str, value: &JsonValue) -> Vec<(String, String)> {
    let path = LeafPath::new(vec![name.to_owned()]);
    let pairs = leaf::pairs(Some(value), None, &path);
    let leaves = pairs
        .into_iter()
        .filter_map(|pair| Some((leaf::cut(&pair.path.shown()), leaf::shown(pair.first?))));
    leaves.collect()
}

fn text(members: &JsonObject, name: &str) -> Option<String> {
    match members.get(name) {
        Some(JsonValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}
