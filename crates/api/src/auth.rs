//! Who may do what: bearer tokens, and the permissions that they carry.

mod caller;
mod fetched_keys;
mod issuer;
mod key;
mod key_set;
mod permission;
mod refusal;
#[cfg(test)]
mod testing;
mod verified;
mod verifier;

pub use self::{
    caller::Caller,
    fetched_keys::{FetchError, FetchKeys, FetchedKeys, RefreshOptions},
    issuer::{Expectations, Issuer},
    key_set::{InvalidKeySet, KeySet},
    permission::Permission,
    refusal::TokenRefused,
    verifier::TokenVerifier,
};
