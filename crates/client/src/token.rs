//! Tokens: where they come from, and when they are fetched again.

mod cache;
mod client_credentials;
mod command;
mod expiry;
mod provider;

pub(crate) use self::cache::TokenCache;
pub use self::{
    client_credentials::ClientCredentials,
    command::CommandToken,
    provider::{FileToken, FixedToken, Token, TokenError, TokenProvider},
};
