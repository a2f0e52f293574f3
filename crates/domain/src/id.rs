//! Identifiers of tenants, flows, runs and reports.

use std::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// The text is not an id: ids are hyphenated UUIDs in upper or lower case, and not the nil UUID.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an id is a hyphenated UUID, such as 0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e, and not the nil UUID"
)]
pub struct InvalidId;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Uuid);

        impl $name {
            /// An id from a UUID.
            ///
            /// # Errors
            ///
            /// [`InvalidId`] for the nil UUID.
            pub const fn new(uuid: Uuid) -> Result<Self, InvalidId> {
                if uuid.is_nil() { Err(InvalidId) } else { Ok(Self(uuid)) }
            }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `Uuid` also reads the braced, URN and unhyphenated forms, which the API rejects.
                const HYPHENATED_LENGTH: usize = 36;
                if text.len() != HYPHENATED_LENGTH {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map_err(|_| InvalidId).and_then(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id! {
    /// A tenant. Every row belongs to one, and no query reads the rows of another.
    TenantId
}
uuid_id! {
    /// An incoming flow. Only the server creates these ids.
    FlowId
}
uuid_id! {
    /// A run, unique within its flow. Created by the server (UUID v7) or by the client that creates the run.
    RunId
}
uuid_id! {
    /// A report. All attempts to store it share the id, so that the outcome of an attempt can be looked up.
    EventId
}

/// The key of a flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowKey {
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// Unique within the tenant.
    pub flow: FlowId,
}

impl FlowKey {
    /// The key of a run of this flow.
    pub const fn run(self, run: RunId) -> RunKey {
        RunKey { tenant: self.tenant, flow: self.flow, run }
    }
}

/// The key of a run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunKey {
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// The flow of the run, unique within the tenant.
    pub flow: FlowId,
    /// Unique within the flow.
    pub run: RunId,
}

impl RunKey {
    /// The key of the flow that this run belongs to.
    pub const fn flow_key(self) -> FlowKey {
        FlowKey { tenant: self.tenant, flow: self.flow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_any_case_and_written_in_lower_case() {
        let id: RunId = "0197F3A0-5C1E-7C3A-9D53-2F3A1B6C7D8E".parse().unwrap();
        assert_eq!(id.to_string(), "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e");
    }

    #[test]
    fn the_nil_uuid_and_other_forms_are_rejected() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "0197f3a05c1e7c3a9d532f3a1b6c7d8e",
            "{0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e}",
            "urn:uuid:0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e",
            "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8g",
            "",
        ] {
            assert_eq!(text.parse::<RunId>(), Err(InvalidId), "{text}");
        }
    }
}
