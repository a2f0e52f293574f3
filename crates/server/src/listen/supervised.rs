//! A connection under its deadlines and orders.

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

use super::{
    activity::Activity,
    closed::Reason,
    patience::Patience,
    room::Room,
    socket::{Event, Watched},
    state::{Expiry, Order},
};

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// By itself, or when it was told to finish.
    Done,
    /// Because of what the client did.
    Failed(Box<dyn Error + Send + Sync>),
    /// The server closed it.
    Closed(Reason),
}

pub(super) struct Supervised<C> {
    connection: Pin<Box<C>>,
    activity: Arc<Activity>,
    room: Arc<Room>,
    patience: Patience,
    /// Rings no later than the next deadline. It is set anew only for one that is earlier, so most requests leave it alone.
    alarm: Pin<Box<Sleep>>,
    /// By when it is over, once it is to finish for having idled.
    farewell: Option<Instant>,
    is_finishing: bool,
    /// The client is gone.
    reset: Event,
    /// The client will send no more, until that has happened.
    half_closed: Option<Event>,
}

impl<C: GracefulConnection> Supervised<C> {
    pub(super) fn new(
        connection: C,
        watched: &Watched,
        activity: Arc<Activity>,
        room: Arc<Room>,
        patience: Patience,
    ) -> Self {
        let alarm = Box::pin(sleep_until(Instant::now() + patience.first_byte));
        Self {
            connection: Box::pin(connection),
            activity,
            room,
            patience,
            alarm,
            farewell: None,
            is_finishing: false,
            reset: watched.reset(),
            half_closed: Some(watched.half_closed()),
        }
    }

    fn finish(&mut self) {
        if !self.is_finishing {
            self.is_finishing = true;
            self.connection.as_mut().graceful_shutdown();
        }
    }

    fn deadline(&self) -> Option<(Instant, Expiry)> {
        let farewell = self.farewell.map(|at| (at, Expiry::Close(Reason::SlowEnd)));
        let deadline = self.activity.deadline(&self.patience);
        // One that is to finish needs no other reminder.
        let deadline =
            deadline.filter(|(_, expiry)| farewell.is_none() || !matches!(expiry, Expiry::Finish));
        [farewell, deadline]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    fn look_for_half_close(&mut self, context: &mut Context<'_>) {
        if let Some(event) = &mut self.half_closed
            && event.as_mut().poll(context).is_ready()
        {
            self.half_closed = None;
            self.activity.half_closed();
        }
    }

    /// Waits until a deadline has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Expiry> {
        loop {
            let Some((at, expiry)) = self.deadline() else {
                return Poll::Pending;
            };
            if at <= Instant::now() {
                return Poll::Ready(expiry);
            }
            if at < self.alarm.deadline() || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(at);
            }
            ready!(self.alarm.as_mut().poll(context));
        }
    }
}

impl<C: GracefulConnection<Error = Box<dyn Error + Send + Sync>>> Future for Supervised<C> {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ending> {
        self.activity.register(context.waker());
        loop {
            match self.activity.ordered() {
                Order::Stay => {}
                Order::Finish => self.finish(),
                Order::Evict => return Poll::Ready(Ending::Closed(Reason::Evicted)),
                Order::Release => return Poll::Ready(Ending::Closed(Reason::TooManyBytes)),
            }
            if let Poll::Ready(ended) = self.connection.as_mut().poll(context) {
                return Poll::Ready(match ended {
                    Ok(()) => Ending::Done,
                    Err(error) => Ending::Failed(error),
                });
            }
            if self.room.is_wanted() && self.activity.may_leave() {
                return Poll::Ready(Ending::Closed(Reason::Evicted));
            }
            // While a request is in flight, nothing reads, so that nothing else tells that its client is gone.
            if self.reset.as_mut().poll(context).is_ready() {
                let gone = io::Error::from(io::ErrorKind::ConnectionReset);
                return Poll::Ready(Ending::Failed(gone.into()));
            }
            self.look_for_half_close(context);
            match ready!(self.poll_deadline(context)) {
                Expiry::Close(reason) => return Poll::Ready(Ending::Closed(reason)),
                Expiry::Abandon => self.activity.abandon(),
                Expiry::Finish => {
                    self.farewell = Some(Instant::now() + self.patience.write);
                    self.finish();
                }
            }
        }
    }
}

/// Waits until the connection is told to end, in whatever way.
pub(super) async fn ordered_to_end(activity: &Activity) {
    poll_fn(|context| {
        activity.register(context.waker());
        match activity.ordered() {
            Order::Stay => Poll::Pending,
            Order::Finish | Order::Evict | Order::Release => Poll::Ready(()),
        }
    })
    .await;
}
