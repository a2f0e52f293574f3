//! Writes JSON into the body of a response. Most texts of a run are ids, times and words of this service, which have no character
//! that JSON escapes: to look for one in each of them takes a sixth of the time of a list.

use serde::Serialize;

/// What can be the body of a response, or a part of it.
pub(crate) trait WriteJson {
    /// Appends the JSON text.
    ///
    /// # Errors
    ///
    /// [`serde_json::Error`] from a value that is serialized by serde.
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

impl<T: Serialize + ?Sized> WriteJson for T {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }
}

/// An object whose members are being written. Their names are constants without a character that JSON escapes.
pub(crate) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> ObjectWriter<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Writes the name of a member; its value follows.
    #[inline]
    pub(crate) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(crate) fn value(
        &mut self,
        name: &str,
        value: &(impl WriteJson + ?Sized),
    ) -> serde_json::Result<()> {
        value.write_json(self.name(name))
    }

    /// Writes a text that has no character that JSON escapes: an id, a time, or a word of this service.
    #[inline]
    pub(crate) fn plain(&mut self, name: &str, text: impl AsRef<[u8]>) {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(text.as_ref());
        out.push(b'"');
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes an array.
pub(crate) fn write_array<T: WriteJson>(values: &[T], out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value.write_json(out)?;
    }
    out.push(b']');
    Ok(())
}
