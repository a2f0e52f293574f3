//! Drives one connection, and ends it at its deadlines and on request.

use std::{
    error::Error,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    close_reason::CloseReason,
    connection::ConnectionContext,
    handle::ConnectionHandle,
    socket::{SocketEvent, SocketWatcher},
    state::{CloseRequest, DeadlineAction},
    timeouts::Timeouts,
};

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum ConnectionOutcome {
    /// By itself, or gracefully.
    Done,
    /// With an error of the client or of the network.
    Failed(Box<dyn Error + Send + Sync>),
    /// The server closed it.
    Closed(CloseReason),
}

pub(crate) struct ConnectionDriver<C> {
    connection: Pin<Box<C>>,
    context: Arc<ConnectionContext>,
    timeouts: Timeouts,
    /// Fires no later than the next deadline. It is reset only for an earlier one, so most requests do not touch it.
    timer: Pin<Box<Sleep>>,
    /// The end of the graceful shutdown of an idle connection.
    finish_deadline: Option<Instant>,
    is_finishing: bool,
    watcher: SocketWatcher,
}

impl<C: GracefulConnection> ConnectionDriver<C> {
    pub(crate) fn new(
        connection: C,
        watcher: SocketWatcher,
        context: Arc<ConnectionContext>,
        timeouts: Timeouts,
    ) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + timeouts.first_byte));
        Self {
            connection: Box::pin(connection),
            context,
            timeouts,
            timer,
            finish_deadline: None,
            is_finishing: false,
            watcher,
        }
    }

    fn finish(&mut self) {
        if !self.is_finishing {
            self.is_finishing = true;
            self.connection.as_mut().graceful_shutdown();
        }
    }

    fn next_deadline(&self, now: Instant) -> Option<(Instant, DeadlineAction)> {
        let slow_end = DeadlineAction::Close(CloseReason::SlowEnd);
        let finish = self.finish_deadline.map(|deadline| (deadline, slow_end));
        let deadline = self.context.handle.deadline(&self.timeouts, now);
        // A graceful shutdown begins only once.
        let deadline = deadline
            .filter(|(_, action)| finish.is_none() || *action != DeadlineAction::FinishGracefully);
        [finish, deadline].into_iter().flatten().min_by_key(|(deadline, _)| *deadline)
    }

    /// Waits until a deadline has expired.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<DeadlineAction> {
        loop {
            let now = Instant::now();
            let Some((deadline, action)) = self.next_deadline(now) else {
                return Poll::Pending;
            };
            if deadline <= now {
                return Poll::Ready(action);
            }
            if deadline < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(context));
        }
    }
}

impl<C: GracefulConnection<Error = Box<dyn Error + Send + Sync>>> Future for ConnectionDriver<C> {
    type Output = ConnectionOutcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ConnectionOutcome> {
        use ConnectionOutcome::{Closed, Done, Failed};
        self.context.handle.register_driver(context.waker());
        loop {
            match self.context.handle.close_request() {
                CloseRequest::None => {}
                CloseRequest::Graceful => self.finish(),
                CloseRequest::Evict => return Poll::Ready(Closed(CloseReason::Evicted)),
                CloseRequest::FreeMemory => return Poll::Ready(Closed(CloseReason::TooManyBytes)),
            }
            if let Poll::Ready(ended) = self.connection.as_mut().poll(context) {
                return Poll::Ready(ended.map_or_else(Failed, |()| Done));
            }
            if self.context.limiter.has_waiter() && self.context.handle.may_leave() {
                return Poll::Ready(Closed(CloseReason::Evicted));
            }
            // While a request is in flight HTTP/1 does not read, so only these events tell that the client has gone.
            match self.watcher.poll(context) {
                Poll::Ready(SocketEvent::Reset) => {
                    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
                    return Poll::Ready(Failed(reset.into()));
                }
                Poll::Ready(SocketEvent::HalfClosed) => {
                    self.context.handle.set_half_closed();
                    // The next poll of the watcher registers for the reset.
                    continue;
                }
                Poll::Pending => {}
            }
            match ready!(self.poll_deadline(context)) {
                DeadlineAction::Close(reason) => return Poll::Ready(Closed(reason)),
                DeadlineAction::AbandonReads => self.context.handle.abandon_reads(),
                DeadlineAction::FinishGracefully => {
                    self.finish_deadline = Some(Instant::now() + self.timeouts.write);
                    self.finish();
                }
            }
        }
    }
}

/// Waits until a connection is asked to end, in whatever way.
pub(crate) async fn close_requested(handle: &ConnectionHandle) {
    poll_fn(|context| {
        handle.register_driver(context.waker());
        match handle.close_request() {
            CloseRequest::None => Poll::Pending,
            CloseRequest::Graceful | CloseRequest::Evict | CloseRequest::FreeMemory => {
                Poll::Ready(())
            }
        }
    })
    .await;
}
