//! Authentication and authorization: bearer tokens, the keys of their issuers, callers and permissions.

mod authenticate;
mod bearer;
mod caller;
mod fetched_keys;
mod issuer;
mod key;
mod key_set;
mod permission;
#[cfg(test)]
mod testing;
mod token_cache;
mod token_error;
mod verifier;

pub(crate) use self::authenticate::describe_metrics;
pub use self::{
    authenticate::authenticate,
    caller::Caller,
    fetched_keys::{FetchError, FetchKeys, FetchedKeys, RefreshOptions},
    issuer::{Issuer, TokenPolicy},
    key_set::{InvalidKeySet, KeySet},
    permission::Permission,
    token_error::TokenError,
    verifier::TokenVerifier,
};
