//! Who may do what: bearer tokens, and the permissions that they carry.

mod key_set;
mod permission;
mod verified;
mod verifier;

pub use self::{
    key_set::{InvalidKeySet, KeySet},
    permission::Permission,
    verifier::{Caller, Expectations, TokenRefused, TokenVerifier},
};
