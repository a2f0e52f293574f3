//! The local key: signs and verifies tokens when no issuer is configured.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_api::auth::{KeySet, Permission, TokenPolicy, TokenVerifier};
use flowruns_domain::{
    clock::{Clock as _, Ids as _, SystemClock, TimeOrderedIds},
    id::TenantId,
};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::json;

use crate::{data_folder, shared_secret::SharedSecret};

const FILE: &str = "local-key.p8";
const ISSUER: &str = "flowruns-local";
const AUDIENCE: &str = "flowruns";
/// The audience of the codes that open the dashboard: the API does not accept them.
pub(crate) const DASHBOARD_AUDIENCE: &str = "flowruns-dashboard";
/// How long such a code is valid, in seconds.
pub(crate) const CODE_SECONDS: u64 = 600;
/// The tenant of the first run that the start message suggests, and the default of `flowruns token`.
pub(crate) const DEMO_TENANT: &str = "f10a0000-0000-4000-8000-000000000001";

/// The ES256 key of a data folder.
pub(crate) struct LocalKey {
    key: EncodingKey,
    kid: String,
    secret: SharedSecret,
}

impl LocalKey {
    /// Reads the key of a data folder, and creates it if it does not exist.
    pub(crate) fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        match read(&path)? {
            Some(pkcs8) => Self::of(&path, pkcs8),
            None => Self::of(&path, create(data_dir, &path)?),
        }
    }

    /// Reads the key of a data folder. `None` if it does not exist.
    pub(crate) fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE);
        read(&path)?.map(|pkcs8| Self::of(&path, pkcs8)).transpose()
    }

    fn of(path: &Path, pkcs8: Vec<u8>) -> anyhow::Result<Self> {
        warn_if_others_read(path);
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map_err(|_| {
                anyhow::anyhow!(
                    "{} is not an ES256 key; remove it to get a new one",
                    path.display()
                )
            })?;
        let thumbprint = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        Ok(Self {
            key: EncodingKey::from_ec_der(&pkcs8),
            kid: URL_SAFE_NO_PAD.encode(thumbprint),
            secret: SharedSecret::new(pkcs8),
        })
    }

    /// The secret that all servers with this data folder share.
    pub(crate) fn shared_secret(&self) -> SharedSecret {
        self.secret.clone()
    }

    /// A verifier for the tokens of this key.
    pub(crate) fn verifier(&self) -> anyhow::Result<TokenVerifier> {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256)
            .context("the local key has no public half")?;
        jwk.common.key_id = Some(self.kid.clone());
        let keys = KeySet::from_jwks(&serde_json::to_vec(&json!({"keys": [jwk]}))?)?;
        let policy = TokenPolicy {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            leeway_seconds: 0,
        };
        Ok(TokenVerifier::new(keys, policy))
    }

    /// Creates a token that is valid for `seconds` from now on.
    pub(crate) fn mint(
        &self,
        tenant: TenantId,
        roles: &[Permission],
        seconds: u64,
    ) -> anyhow::Result<String> {
        self.sign(AUDIENCE, tenant, roles, seconds)
    }

    /// Creates a code that opens the dashboard once.
    pub(crate) fn mint_code(
        &self,
        tenant: TenantId,
        roles: &[Permission],
    ) -> anyhow::Result<String> {
        self.sign(DASHBOARD_AUDIENCE, tenant, roles, CODE_SECONDS)
    }

    fn sign(
        &self,
        audience: &str,
        tenant: TenantId,
        roles: &[Permission],
        seconds: u64,
    ) -> anyhow::Result<String> {
        let time = SystemClock.now();
        let now = u64::try_from(time.date_time().timestamp())?;
        let claims = json!({
            "iss": ISSUER,
            "aud": audience,
            "tid": tenant.to_string(),
            "sub": "local",
            "roles": roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
            "jti": TimeOrderedIds.next(time).to_string(),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(seconds),
        });
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.key).context("the token cannot be signed")
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match read_regular_file(path, MAX_FILE_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read
            .map(Some)
            .with_context(|| format!("the local key {} cannot be read", path.display())),
    }
}

/// Warns when others can read the key, and so can create any token.
fn warn_if_others_read(path: &Path) {
    const OTHERS: u32 = 0o077;
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & OTHERS != 0 {
        let path = path.display();
        tracing::warn!(file = %path, "others may read the local key; remove their right with: chmod 600 {path}");
    }
}

/// Writes a new key to a temporary file and links it to its path, so that two processes agree on one key and none reads an
/// incomplete one.
fn create(data_dir: &Path, path: &Path) -> anyhow::Result<Vec<u8>> {
    data_folder::create(data_dir)
        .with_context(|| format!("{} cannot be created", data_dir.display()))?;
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| anyhow::anyhow!("a key cannot be generated"))?;
    // Not the process id, which may be the same in two containers.
    let temporary = data_dir.join(format!("{FILE}.{}", TimeOrderedIds.next(SystemClock.now())));
    let written = write_private(&temporary, pkcs8.as_ref()).and_then(|()| {
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    });
    let removed = fs::remove_file(&temporary);
    written
        .and(removed)
        .with_context(|| format!("the local key {} cannot be written", path.display()))?;
    File::open(data_dir)
        .and_then(|folder| folder.sync_all())
        .context("the data folder cannot be flushed")?;
    read_regular_file(path, MAX_FILE_BYTES)
        .with_context(|| format!("the local key {} cannot be read", path.display()))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
