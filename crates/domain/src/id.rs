//! Identifiers: who owns a row, and which row.

use std::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// A text that is no id: ids are hyphenated UUIDs in any case, and never the nil UUID.
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
            /// Takes a UUID as an id; the nil UUID is none.
            ///
            /// # Errors
            ///
            /// [`InvalidId`] for the nil UUID.
            pub const fn new(uuid: Uuid) -> Result<Self, InvalidId> {
                if uuid.is_nil() { Err(InvalidId) } else { Ok(Self(uuid)) }
            }

            /// The UUID behind the id.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `Uuid` also reads the braced, URN and unhyphenated forms, which the contract refuses.
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
    /// The tenant that owns a row. No query leaves it.
    TenantId
}
uuid_id! {
    /// An incoming flow. Made by the server only.
    FlowId
}
uuid_id! {
    /// A run, unique within its flow. Made by the server (UUID v7) or sent by the client that creates it.
    RunId
}
uuid_id! {
    /// One report: the same for every attempt to store it, so that an unknown outcome can be looked up.
    EventId
}

/// Where a flow lives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowKey {
    /// The owner.
    pub tenant: TenantId,
    /// The flow.
    pub flow: FlowId,
}

impl FlowKey {
    /// The key of a run of this flow.
    pub const fn run(self, run: RunId) -> RunKey {
        RunKey {
            tenant: self.tenant,
            flow: self.flow,
            run,
        }
    }
}

/// Where a run lives. No query can be built without the tenant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RunKey {
    /// The owner.
    pub tenant: TenantId,
    /// The flow that the run belongs to.
    pub flow: FlowId,
    /// The run.
    pub run: RunId,
}

impl RunKey {
    /// The key of the flow that owns this run.
    pub const fn flow_key(self) -> FlowKey {
        FlowKey {
            tenant: self.tenant,
            flow: self.flow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_hyphenated_uuid_in_any_case_and_shown_in_lower_case() {
        let id: RunId = "0197F3A0-5C1E-7C3A-9D53-2F3A1B6C7D8E".parse().unwrap();
        assert_eq!(id.to_string(), "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e");
    }

    #[test]
    fn the_nil_uuid_and_other_spellings_are_refused() {
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
