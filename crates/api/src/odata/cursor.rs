//! `$skiptoken`: where a page ended, signed, and bound to the list, its tenant and its options.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_domain::{
    id::{FlowId, RunId, TenantId},
    query::{FlowCursor, RunCursor, SortKey},
    timestamp::Timestamp,
    version::Version,
};
use uuid::Uuid;

/// Bytes of a signature that a token carries.
const SIGNATURE_LENGTH: usize = 16;
/// Separates these signatures from others of the same key. The number changes with the order of lists, so that a token of another
/// order is rejected instead of skipping rows.
const PURPOSE: &[u8] = b"flowruns skiptoken 2";

/// Signs the links to next pages. All servers of a deployment need the same one.
#[derive(Clone, Debug)]
pub struct CursorKey(hmac::Key);

impl CursorKey {
    /// A key from a secret of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn signature(&self, binding: &Binding<'_>, position: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        let tenant = binding.tenant.uuid();
        let options = binding.options.as_bytes();
        for part in [PURPOSE, tenant.as_bytes(), binding.list.as_bytes(), options, position] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut signature = [0; SIGNATURE_LENGTH];
        let whole = context.sign();
        signature.copy_from_slice(&whole.as_ref()[..SIGNATURE_LENGTH]);
        signature
    }
}

/// The list that a token belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) tenant: TenantId,
    /// The list, by its address.
    pub(crate) list: &'a str,
    /// The options that make its rows and their order.
    pub(crate) options: String,
}

/// Where a page begins, as a token carries it.
pub(crate) trait Cursor: Sized {
    /// Adds its bytes.
    fn write(&self, bytes: &mut Vec<u8>);
    /// The cursor of these bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// The token of the page after a position, with the number of rows to skip.
pub(crate) fn write_token<C: Cursor>(
    key: &CursorKey,
    binding: &Binding<'_>,
    after: &C,
    skip: usize,
) -> String {
    let mut position = u16::try_from(skip).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    after.write(&mut position);
    let mut token = key.signature(binding, &position).to_vec();
    token.extend(position);
    URL_SAFE_NO_PAD.encode(token)
}

/// The position of a token, unless it was changed or belongs to another list.
pub(crate) fn read_token<C: Cursor>(
    key: &CursorKey,
    binding: &Binding<'_>,
    token: &str,
) -> Option<(C, usize)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signature, position) = bytes.split_first_chunk::<SIGNATURE_LENGTH>()?;
    let expected = key.signature(binding, position);
    constant_time::verify_slices_are_equal(signature, &expected).ok()?;
    let (skip, after) = position.split_first_chunk::<2>()?;
    Some((C::read(after)?, usize::from(u16::from_be_bytes(*skip))))
}

impl Cursor for Version {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.number().to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::new(i64::from_be_bytes(bytes.try_into().ok()?))
    }
}

impl Cursor for RunCursor {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.run.uuid().as_bytes());
        bytes.extend(self.flow.uuid().as_bytes());
        write_key(&self.key, bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (run, rest) = bytes.split_first_chunk::<16>()?;
        let (flow, key) = rest.split_first_chunk::<16>()?;
        Some(Self {
            run: RunId::new(Uuid::from_bytes(*run)).ok()?,
            flow: FlowId::new(Uuid::from_bytes(*flow)).ok()?,
            key: read_key(key)?,
        })
    }
}

impl Cursor for FlowCursor {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.flow.uuid().as_bytes());
        write_key(&self.key, bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (flow, key) = bytes.split_first_chunk::<16>()?;
        Some(Self { flow: FlowId::new(Uuid::from_bytes(*flow)).ok()?, key: read_key(key)? })
    }
}

fn write_key(key: &SortKey, bytes: &mut Vec<u8>) {
    match key {
        SortKey::Id => bytes.push(b'i'),
        SortKey::Time(None) => bytes.push(b'n'),
        SortKey::Time(Some(time)) => {
            bytes.push(b't');
            bytes.extend(time.date_time().timestamp_micros().to_be_bytes());
        }
        SortKey::Name(name) => {
            bytes.push(b's');
            bytes.extend(name.as_bytes());
        }
    }
}

fn read_key(bytes: &[u8]) -> Option<SortKey> {
    let (kind, value) = bytes.split_first()?;
    match kind {
        b'i' => Some(SortKey::Id),
        b'n' => Some(SortKey::Time(None)),
        b't' => {
            let micros = i64::from_be_bytes(value.try_into().ok()?);
            let time = chrono::DateTime::from_timestamp_micros(micros)?;
            Some(SortKey::Time(Some(Timestamp::new(time).ok()?)))
        }
        b's' => Some(SortKey::Name(String::from_utf8(value.to_vec()).ok()?)),
        _ => None,
    }
}
