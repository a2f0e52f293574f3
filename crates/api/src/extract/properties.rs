//! Reads the properties of a body one by one, and collects every violation.

use std::fmt::Display;

use flowruns_domain::{
    display_name::DisplayName,
    json::{JsonObject, JsonValue},
    patch::{Field, Nullable},
    property,
    text::excerpt,
    timestamp::Timestamp,
    violation::{Rule, RuleViolation, Violations},
};

/// Graph's sentinel for members of an enumeration that the client does not know.
const SENTINEL: &str = "unknownFutureValue";

/// The properties of a body that were not read yet.
#[derive(Debug)]
pub(crate) struct Properties {
    members: JsonObject,
    violations: Violations,
    is_creation: bool,
}

impl Properties {
    /// The properties of a change.
    pub(crate) fn of_patch(members: JsonObject) -> Self {
        Self { members, violations: Violations::default(), is_creation: false }
    }

    /// The properties of a creation.
    pub(crate) fn of_creation(members: JsonObject) -> Self {
        Self { is_creation: true, ..Self::of_patch(members) }
    }

    /// Reads a property that can be cleared.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(JsonValue, &str) -> Result<T, Vec<RuleViolation>>,
    ) -> Nullable<T> {
        match self.members.remove(name) {
            None => Nullable::Absent,
            Some(JsonValue::Null) => Nullable::Null,
            Some(value) => match read(value, name) {
                Ok(value) => Nullable::Value(value),
                Err(violations) => {
                    self.violations.extend(violations);
                    Nullable::Absent
                }
            },
        }
    }

    /// Reads a property that cannot be cleared.
    pub(crate) fn field<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(JsonValue, &str) -> Result<T, Vec<RuleViolation>>,
    ) -> Field<T> {
        let advice = match self.is_creation {
            true => "leave it out for its default",
            false => "leave it out to keep its value",
        };
        self.field_or(advice, name, read)
    }

    /// Reads a property that cannot be cleared; a null is rejected with this advice.
    fn field_or<T>(
        &mut self,
        advice: &str,
        name: &str,
        read: impl FnOnce(JsonValue, &str) -> Result<T, Vec<RuleViolation>>,
    ) -> Field<T> {
        match self.nullable(name, read) {
            Nullable::Absent => Field::Absent,
            Nullable::Value(value) => Field::Value(value),
            Nullable::Null => {
                let message = format!("{name} cannot be null; {advice}");
                self.violations
                    .push_with(|| RuleViolation::new(Rule::NullNotAllowed, name, message));
                Field::Absent
            }
        }
    }

    /// Reads a member of an enumeration; the sentinel counts as absent.
    pub(crate) fn member<T>(&mut self, name: &str, known: &[(&'static str, T)]) -> Field<T>
    where
        T: Copy,
    {
        let is_sentinel = self.members.get(name) == Some(&JsonValue::from(SENTINEL));
        if is_sentinel {
            self.members.remove(name);
        }
        self.field(name, |value, name| enum_member(value, name, known))
    }

    /// Reads a member of an enumeration on creation, where the sentinel is invalid.
    pub(crate) fn new_member<T: Copy>(
        &mut self,
        name: &str,
        known: &[(&'static str, T)],
    ) -> Field<T> {
        self.field(name, |value, name| enum_member(value, name, known))
    }

    /// Reads a property that a creation needs.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(JsonValue, &str) -> Result<T, Vec<RuleViolation>>,
    ) -> Field<T> {
        let is_misspelled = |(sent, _): (&str, _)| sent.eq_ignore_ascii_case(name);
        if self.members.get(name).is_none() && !self.members.iter().any(is_misspelled) {
            let message = format!("{name} is required to create this; send it");
            self.violations.push_with(|| RuleViolation::new(Rule::PropertyRequired, name, message));
        }
        self.field_or("send a value", name, read)
    }

    /// Reads `id`, which must be that of the URL.
    pub(crate) fn same_id(&mut self, url_id: impl Display) {
        let id = self.field(property::ID, text);
        if let Field::Value(id) = id
            && !id.eq_ignore_ascii_case(&url_id.to_string())
        {
            let message =
                format!("id cannot be changed; leave it out, or send that of the URL, {url_id}");
            self.violations.push_with(|| {
                RuleViolation::new(Rule::PropertyNotUpdateable, property::ID, message)
            });
        }
    }

    /// Rejects a property that the server sets.
    pub(crate) fn made_by_server(&mut self, name: &str) {
        if self.members.remove(name).is_some() {
            let message = format!("{name} is made by the server; leave it out");
            self.violations
                .push_with(|| RuleViolation::new(Rule::PropertyNotUpdateable, name, message));
        }
    }

    /// Ignores read-only properties, so that a client may write back an entity that it read.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.members.remove(name);
        }
    }

    /// The violations. A property that was not read is unknown, unless it is an annotation: one with an `@` in its name.
    pub(crate) fn finish(mut self, known: &[&str]) -> Vec<RuleViolation> {
        for (name, _) in self.members.iter().filter(|(name, _)| !name.contains('@')) {
            self.violations.push_with(|| unknown(name, known));
        }
        self.violations.into_vec()
    }
}

fn unknown(name: &str, known: &[&str]) -> RuleViolation {
    let known_name = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    let message = match known_name {
        Some(known_name) => {
            format!("{name} is not a property of this type; {known_name} is (case matters)")
        }
        None => format!(
            "{} is not a property of this type; remove it, or put it into statistics of a run",
            excerpt(name)
        ),
    };
    RuleViolation::new(Rule::UnknownProperty, name, message)
}

fn wrong_type(value: &JsonValue, name: &str, expected: &str) -> Vec<RuleViolation> {
    let message = format!("{name} must be {expected}, not {}", value.kind());
    vec![RuleViolation::new(Rule::InvalidType, name, message)]
}

/// Reads a string.
pub(crate) fn text(value: JsonValue, name: &str) -> Result<String, Vec<RuleViolation>> {
    match value {
        JsonValue::String(text) => Ok(text),
        other => Err(wrong_type(&other, name, "a string")),
    }
}

/// Reads an object.
pub(crate) fn object(value: JsonValue, name: &str) -> Result<JsonObject, Vec<RuleViolation>> {
    match value {
        JsonValue::Object(object) => Ok(object),
        other => Err(wrong_type(&other, name, "an object")),
    }
}

/// Reads a display name.
pub(crate) fn display_name(
    value: JsonValue,
    name: &str,
) -> Result<DisplayName, Vec<RuleViolation>> {
    let text = text(value, name)?;
    DisplayName::new(&text).map_err(|error| {
        vec![RuleViolation::new(Rule::InvalidDisplayName, name, error.to_string())]
    })
}

/// Reads a DateTimeOffset.
pub(crate) fn date_time(value: JsonValue, name: &str) -> Result<Timestamp, Vec<RuleViolation>> {
    let text = text(value, name)?;
    text.parse().map_err(|error| {
        vec![RuleViolation::new(Rule::InvalidDateTime, name, format!("{name}: {error}"))]
    })
}

fn enum_member<T: Copy>(
    value: JsonValue,
    name: &str,
    known: &[(&'static str, T)],
) -> Result<T, Vec<RuleViolation>> {
    let text = text(value, name)?;
    let found = known.iter().find(|(member, _)| *member == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let members: Vec<_> = known.iter().map(|(member, _)| *member).collect();
        let message = format!("{name} is one of {} (case matters)", members.join(", "));
        vec![RuleViolation::new(Rule::InvalidEnumValue, name, message)]
    })
}
