//! Why a token is rejected: in full for the log, in general terms for the caller.

use jsonwebtoken::errors::ErrorKind;
use thiserror::Error;

/// Why a token is rejected; the message says nothing that helps to forge one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenError {
    /// No JSON Web Token, or one whose header or claims cannot be used.
    #[error(
        "the token is no JSON Web Token that can be verified: one has RS256 or ES256 and a kid in its header, and the claims iss, aud and exp; send the access token exactly as its issuer gave it"
    )]
    Malformed,
    /// Signed with a key that is not known or not its issuer's, or not by it at all.
    #[error("the token is not signed with a known key of its issuer; get a new token")]
    WronglySigned,
    /// Of an issuer that is not configured for its tenant.
    #[error(
        "the server does not accept tokens of this issuer for this tenant; get one from the issuer that the server is configured for"
    )]
    WrongIssuer,
    /// For another API.
    #[error("the token is for another audience; get one for this API")]
    WrongAudience,
    /// Past its `exp`.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Before its `nbf`.
    #[error(
        "the token is not yet valid; wait until the time in its claim nbf, or check the clock of the machine that made it"
    )]
    NotYetValid,
    /// Without a tenant.
    #[error("the token has no claim tid with the tenant's UUID; get a token with it")]
    NoTenant,
    /// The claim that names the caller cannot be stored.
    #[error(
        "the claim of the token that names the caller (azp, appid, oid or sub) has over 256 characters or a control character; get a token without"
    )]
    UnusableActor,
    /// Undecided: the token names an unknown key, and the issuer's keys cannot be fetched now.
    #[error(
        "the keys of the token's issuer cannot be read now; send the request again a little later"
    )]
    KeysUnavailable,
}

/// The reason in full, for the log. It holds no part of a token but the names of its issuer and its key.
#[derive(Debug, Error)]
pub(super) enum VerificationError {
    #[error("it is too long")]
    TooLong,
    #[error(
        "it is no JSON Web Token of an algorithm that is known, or a claim is missing or malformed"
    )]
    Malformed,
    #[error("its header has crit")]
    Critical,
    #[error("its header has no kid, or one that is too long")]
    NoKid,
    #[error("no issuer {0:?} is configured for its tenant")]
    UnknownIssuer(String),
    #[error("its issuer has no usable key {0:?}")]
    UnknownKey(String),
    #[error(
        "the keys of its issuer cannot be read now, and {0:?} is not among those that are known"
    )]
    KeysUnavailable(String),
    #[error("its key signs for another issuer only")]
    KeyOfAnotherIssuer,
    #[error("its algorithm is not that of its key")]
    WrongAlgorithm,
    #[error("its signature is wrong")]
    WrongSignature,
    #[error("it is for another audience")]
    WrongAudience,
    #[error("it has expired")]
    Expired,
    #[error("it is not yet valid")]
    NotYetValid,
    #[error("it has no claim tid with a UUID")]
    NoTenant,
    #[error("the claim that names its caller is too long or has a control character")]
    UnusableActor,
}

/// How much of a name goes into the log, in characters.
const MAX_NAME: usize = 256;

impl VerificationError {
    pub(super) fn unknown_issuer(name: &str) -> Self {
        Self::UnknownIssuer(name.chars().take(MAX_NAME).collect())
    }

    pub(super) fn public(&self) -> TokenError {
        match self {
            Self::Expired => TokenError::Expired,
            Self::NotYetValid => TokenError::NotYetValid,
            Self::NoTenant => TokenError::NoTenant,
            Self::UnusableActor => TokenError::UnusableActor,
            Self::KeysUnavailable(_) => TokenError::KeysUnavailable,
            Self::TooLong | Self::Malformed | Self::Critical | Self::NoKid => TokenError::Malformed,
            Self::UnknownIssuer(_) => TokenError::WrongIssuer,
            Self::UnknownKey(_)
            | Self::KeyOfAnotherIssuer
            | Self::WrongAlgorithm
            | Self::WrongSignature => TokenError::WronglySigned,
            Self::WrongAudience => TokenError::WrongAudience,
        }
    }
}

/// The message of the library's error may quote a claim, so only its kind is kept.
impl From<jsonwebtoken::errors::Error> for VerificationError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidSignature => Self::WrongSignature,
            ErrorKind::InvalidAudience => Self::WrongAudience,
            ErrorKind::InvalidAlgorithm => Self::WrongAlgorithm,
            _ => Self::Malformed,
        }
    }
}
