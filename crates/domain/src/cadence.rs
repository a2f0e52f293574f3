//! What is usual for a flow, by its last runs: how often it starts, how long a run takes, and the numbers that it reports. What
//! differs from that, such as a flow that is late, is derived for people who look at it. It is never stored, and changes no run.
//!
//! No schedule is needed: the habit of a flow is learned from up to 50 of its [recent
//! runs](crate::dashboard::DashboardStore::recent_runs). With too few of them nothing is usual, and nothing is late, stale or
//! unusual. The order of the runs has no effect.
//!
//! | question | function |
//! |---|---|
//! | How much time lies between two starts? | [`usual_gap`] |
//! | Should it have started by now? | [`late`] |
//! | How long does a run take until it ends? | [`usual_duration`] |
//! | How long does the work of a run take, failed runs left out? | [`usual_duration_of_work`] |
//! | Does a run take far longer than the others? | [`is_stale`] |
//! | Which run has done so for the longest time? | [`stalest`] |
//! | Does a number differ from those of the other runs? | [`UsualNumber::is_unusual`] |
//! | How many runs succeeded? | [`success`] |
//! | Since when does it fail? | [`failing_since`] |

mod duration;
mod gap;
mod number;
mod outcome;
mod quantile;

pub use self::{
    duration::{
        LEAST_ENDED, UsualDuration, duration, is_stale, stalest, usual_duration,
        usual_duration_of_work,
    },
    gap::{LEAST_GAPS, Late, UsualGap, late, usual_gap},
    number::{LEAST_NUMBERS, UsualNumber, usual_number},
    outcome::{FailingSince, Success, failing_since, success},
};
