//! The bytes of a connection: records reads and writes in its state, and passes only complete heads of HTTP/1 on.

#[cfg(test)]
mod tests;

use std::{
    io,
    mem::{MaybeUninit, take},
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    framing::{FramingRejection, RequestFraming},
    memory::MemoryCharge,
};

/// The first bytes of a client of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Replaces a head that is rejected. It is answered with the status of the rejection.
const SUBSTITUTE_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: rejected\r\nConnection: close\r\n\r\n";
/// The size of a read while a head is incomplete, and while a body is discarded: the parser keeps a buffer for as much as
/// the largest reads returned.
const READ_BYTES: usize = 4096;
/// A longer part of a head is charged to the memory budget of all connections.
const UNCHARGED_BYTES: usize = 2048;

enum Protocol {
    /// Too few bytes were received to tell.
    Unknown,
    Http1(Box<RequestFraming>),
    Http2,
}

pub(crate) struct MonitoredStream<S> {
    stream: S,
    protocol: Protocol,
    max_head_bytes: usize,
    /// The first bytes of an incomplete head.
    held: Vec<u8>,
    /// Bytes that may be passed on, and how many of them were.
    passing: (Vec<u8>, usize),
    /// The status that rejects the head after `passing`.
    rejected: Option<StatusCode>,
    /// Nothing more is passed on.
    has_ended: bool,
    charge: MemoryCharge,
}

impl<S> MonitoredStream<S> {
    pub(crate) fn new(stream: S, charge: MemoryCharge, max_head_bytes: usize) -> Self {
        Self {
            stream,
            protocol: Protocol::Unknown,
            max_head_bytes,
            held: Vec::new(),
            passing: (Vec::new(), 0),
            rejected: None,
            has_ended: false,
            charge,
        }
    }

    /// Passes on what may be passed on. Returns whether there was anything, or the end was reached.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let (bytes, passed) = &mut self.passing;
        if *passed == bytes.len()
            && let Some(status) = self.rejected.take()
        {
            self.charge.handle().reject_next(status);
            (*bytes, *passed) = (SUBSTITUTE_HEAD.to_vec(), 0);
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

    /// Scans bytes that follow the held ones. Returns how many of them may be passed on, together with all held ones.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let Protocol::Http1(framing) = &mut self.protocol else {
            return bytes.len();
        };
        let scan = framing.scan(bytes);
        match scan.rejection {
            None => {}
            Some(FramingRejection::Head(status)) => self.rejected = Some(status),
            Some(FramingRejection::Body) => self.has_ended = true,
        }
        scan.passed
    }

    /// Holds back the first bytes of an incomplete head.
    fn hold(&mut self, bytes: &[u8]) {
        if self.rejected.is_some() || self.has_ended {
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
        self.charge.handle().set_head_incomplete(!self.held.is_empty());
        let capacity = self.held.capacity();
        let is_charged = capacity > UNCHARGED_BYTES;
        self.charge.set(if is_charged { capacity } else { 0 });
    }

    /// Processes bytes that follow the held ones.
    fn continue_held(&mut self, bytes: &[u8]) {
        if matches!(self.protocol, Protocol::Unknown) {
            self.held.extend_from_slice(bytes);
            if self.held.len() < PREFACE.len() && PREFACE.starts_with(&self.held) {
                return;
            }
            let is_http2 = self.held.starts_with(PREFACE);
            self.protocol = match is_http2 {
                true => Protocol::Http2,
                false => Protocol::Http1(Box::new(RequestFraming::new(self.max_head_bytes))),
            };
            self.charge.handle().protocol_detected(is_http2);
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

    /// The client will send no more. An incomplete head is passed on, and the parser rejects it.
    fn end(&mut self) {
        self.passing = (take(&mut self.held), 0);
        self.has_ended = true;
        self.hold(&[]);
    }
}

impl<S: AsyncRead + Unpin> MonitoredStream<S> {
    /// Reads into the caller's buffer, since most reads are a complete head. Returns how many bytes were passed on; `None` at the
    /// end of the stream.
    fn poll_read_through(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let before = buffer.filled().len();
        match self.is_discarding() {
            true => ready!(self.poll_read_little(context, buffer))?,
            false => ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?,
        }
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

    fn poll_read_little(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
        let size = READ_BYTES.min(buffer.remaining());
        let mut scratch = ReadBuf::uninit(scratch.get_mut(..size).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut scratch))?;
        buffer.put_slice(scratch.filled());
        Poll::Ready(Ok(()))
    }

    /// Whether a body is read after the response of its request.
    fn is_discarding(&self) -> bool {
        match &self.protocol {
            Protocol::Http1(framing) => {
                framing.is_in_body() && self.charge.handle().is_discarding()
            }
            Protocol::Unknown | Protocol::Http2 => false,
        }
    }

    /// Reads what follows the held bytes. Returns how many bytes were read; `None` at the end of the stream.
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

impl<S: AsyncRead + Unpin> AsyncRead for MonitoredStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.pass(buffer) {
                if matches!(this.protocol, Protocol::Http2) && !this.has_ended {
                    this.charge.handle().frames_received();
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
                        this.charge.handle().frames_received();
                    }
                    return Poll::Ready(Ok(()));
                }
                None if matches!(this.protocol, Protocol::Http2) => {
                    if !this.charge.handle().may_pass_end(context.waker()) {
                        return Poll::Pending;
                    }
                    this.end();
                }
                None => this.end(),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> MonitoredStream<S> {
    fn record_write(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Pending => self.charge.handle().write_blocked(),
            Poll::Ready(Ok(bytes)) => self.charge.handle().bytes_written(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }

    fn record_blocked<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.charge.handle().write_blocked();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MonitoredStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.record_write(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.record_write(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything is written: only then has the client accepted all of it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = polled {
            self.charge.handle().write_flushed();
        }
        self.record_blocked(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.record_blocked(polled)
    }
}
