//! A stream that tells what its connection is doing.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    activity::{Activity, Bytes},
    head::Head,
};

/// What a client of HTTP/2 says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What no head may contain, and an end of the head, at which the parser looks at it.
const SPOIL: &[u8] = b"\0\r\n\r\n";

pub(super) struct Observed<S> {
    stream: S,
    activity: Arc<Activity>,
    /// How much of the preface has come; `None` when the version is told.
    matched: Option<usize>,
    head: Head,
    /// Instead of a head with two readings: what is still to be read in its place, and then the end.
    spoil: Option<&'static [u8]>,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            matched: Some(0),
            head: Head::default(),
            spoil: None,
        }
    }

    /// Whether what came may be passed on.
    fn look_at(&mut self, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        if let Some(matched) = self.matched {
            let rest = PREFACE.get(matched..).unwrap_or_default();
            let is_preface = rest.starts_with(bytes) || bytes.starts_with(rest);
            if is_preface && bytes.len() < rest.len() {
                self.matched = Some(matched + bytes.len());
                return true;
            }
            self.matched = None;
            self.activity.version_told(is_preface);
            self.head = Head::default();
            self.head
                .is_plain(PREFACE.get(..matched).unwrap_or_default());
        }
        match self.activity.bytes_came() {
            Bytes::NewHead => self.head = Head::default(),
            Bytes::SameHead => {}
            Bytes::Other => return true,
        }
        self.head.is_plain(bytes)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.spoil.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let came = buffer.filled().get(before..).unwrap_or_default();
            if self.look_at(came) {
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
        }
        // The parser refuses it with 400 and closes the connection, wherever in the head this stands.
        let spoil = self.spoil.unwrap_or(SPOIL);
        let (now, later) = spoil.split_at(spoil.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.spoil = Some(later);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Observed<S> {
    fn note_blocked<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.activity.write_blocked();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_blocked(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_blocked(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Asked when everything is written: only then has the client taken it all.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = polled {
            self.activity.write_drained();
        }
        self.note_blocked(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note_blocked(polled)
    }
}
