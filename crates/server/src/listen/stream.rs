//! A stream that tells what its connection is doing, and passes on complete heads only.

use std::{
    io,
    mem::{MaybeUninit, take},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    activity::Activity,
    budget::Charge,
    framing::{Framing, Refused},
};

/// What a client of HTTP/2 says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// In the place of a head that is refused. The service answers it with the status that was found.
const REFUSED_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// How much is read at once while a head is incomplete.
const READ_BYTES: usize = 4096;
/// A beginning of a head that is longer counts among the bytes of all connections.
const UNCOUNTED_BYTES: usize = 2048;

enum Protocol {
    /// Fewer bytes have come than tell it.
    Unknown,
    Http1(Box<Framing>),
    Http2,
}

pub(super) struct Observed<S> {
    stream: S,
    activity: Arc<Activity>,
    protocol: Protocol,
    max_head_bytes: usize,
    /// The beginning of a head, which waits for the rest.
    held: Vec<u8>,
    /// What may be passed on, and how much of it was.
    passing: (Vec<u8>, usize),
    /// Of the head behind what may be passed on.
    refused: Option<StatusCode>,
    /// Nothing is passed on any more.
    has_ended: bool,
    charge: Charge,
}

impl<S> Observed<S> {
    pub(super) fn new(stream: S, charge: Charge, max_head_bytes: usize) -> Self {
        Self {
            stream,
            activity: Arc::clone(charge.activity()),
            protocol: Protocol::Unknown,
            max_head_bytes,
            held: Vec::new(),
            passing: (Vec::new(), 0),
            refused: None,
            has_ended: false,
            charge,
        }
    }

    /// Passes on what may be. Whether there was anything, the end included.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let (bytes, passed) = &mut self.passing;
        if *passed == bytes.len()
            && let Some(status) = self.refused.take()
        {
            self.activity.refuse_next(status);
            (*bytes, *passed) = (REFUSED_HEAD.to_vec(), 0);
            self.has_ended = true;
        }
        let rest = bytes.get(*passed..).unwrap_or_default();
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..count).unwrap_or_default());
        *passed += count;
        if *passed == bytes.len() {
            (*bytes, *passed) = (Vec::new(), 0);
        }
        count > 0 || self.has_ended
    }

    /// Looks at bytes that follow what is held. How many of them may be passed on, with all that is held.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let Protocol::Http1(framing) = &mut self.protocol else {
            return bytes.len();
        };
        let scan = framing.scan(bytes);
        match scan.refused {
            None => {}
            Some(Refused::Head(status)) => self.refused = Some(status),
            Some(Refused::Body) => self.has_ended = true,
        }
        scan.passed
    }

    /// Keeps the beginning of a head.
    fn hold(&mut self, bytes: &[u8]) {
        if self.refused.is_some() || self.has_ended {
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
        self.activity.head_is_incomplete(!self.held.is_empty());
        let counted = self.held.capacity();
        let counted = if counted > UNCOUNTED_BYTES {
            counted
        } else {
            0
        };
        self.charge.set(counted);
    }

    /// Takes bytes that follow the beginning of a head.
    fn continue_held(&mut self, bytes: &[u8]) {
        if matches!(self.protocol, Protocol::Unknown) {
            self.held.extend_from_slice(bytes);
            if self.held.len() < PREFACE.len() && PREFACE.starts_with(&self.held) {
                return;
            }
            let is_http2 = self.held.starts_with(PREFACE);
            self.protocol = match is_http2 {
                true => Protocol::Http2,
                false => Protocol::Http1(Box::new(Framing::new(self.max_head_bytes))),
            };
            self.activity.version_told(is_http2);
            let first = take(&mut self.held);
            return self.pass_complete(&first);
        }
        self.pass_complete(bytes);
    }

    fn pass_complete(&mut self, bytes: &[u8]) {
        let passed = self.scan(bytes);
        let (complete, rest) = bytes.split_at(passed);
        if passed > 0 {
            let mut whole = take(&mut self.held);
            whole.extend_from_slice(complete);
            self.passing = (whole, 0);
        }
        self.hold(rest);
    }

    /// The client will send no more. A head that is incomplete is the parser's to refuse.
    fn end(&mut self) {
        self.passing = (take(&mut self.held), 0);
        self.has_ended = true;
        self.hold(&[]);
    }
}

impl<S: AsyncRead + Unpin> Observed<S> {
    /// Reads into the caller's buffer: what comes is mostly a complete head. How many bytes were passed on; None at the end.
    fn poll_read_through(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let passed = self.scan(bytes);
        if passed < bytes.len() {
            self.hold(bytes.get(passed..).unwrap_or_default());
            buffer.set_filled(before + passed);
        }
        Poll::Ready(Ok(Some(passed)))
    }

    /// Reads what follows the beginning of a head. How many bytes came; None at the end.
    fn poll_read_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
        let mut scratch = ReadBuf::uninit(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut scratch))?;
        let bytes = scratch.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        self.continue_held(bytes);
        Poll::Ready(Ok(Some(bytes.len())))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.pass(buffer) {
                if matches!(this.protocol, Protocol::Http2) && !this.has_ended {
                    this.activity.frames_came();
                }
                return Poll::Ready(Ok(()));
            }
            let is_held = matches!(this.protocol, Protocol::Unknown) || !this.held.is_empty();
            let passed = match is_held {
                true => ready!(this.poll_read_held(context))?.map(|_| 0),
                false => ready!(this.poll_read_through(context, buffer))?,
            };
            match passed {
                Some(0) => {}
                Some(_) => {
                    if matches!(this.protocol, Protocol::Http2) {
                        this.activity.frames_came();
                    }
                    return Poll::Ready(Ok(()));
                }
                None if matches!(this.protocol, Protocol::Http2) => {
                    if !this.activity.may_end(context.waker()) {
                        return Poll::Pending;
                    }
                    this.end();
                }
                None => this.end(),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Observed<S> {
    fn note_written(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => self.activity.write_blocked(),
            Poll::Ready(Ok(bytes)) => self.activity.written(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }

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
        self.note_written(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_written(polled)
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
