//! The charts of a flow: durations, and members of statistics.

use flowruns_domain::{
    dashboard::MemberPath,
    json::Number,
    run::{Outcome, RunStatus},
};
use maud::{Markup, html};

use super::{
    DURATIONS, MEMBERS,
    view::{FlowView, MemberSeries},
};
use crate::{
    address::{ChartedRuns, Members, member_shown},
    links::Links,
    view::{
        chart::{DurationChart, DurationPoint, MemberPoint, member_chart},
        leaf::{self, grouped},
        scale::{quantile, sorted},
        time::seconds,
    },
};

impl FlowView {
    pub(super) fn durations_fragment(&self, links: &Links) -> Markup {
        let chart = self.duration_chart(links);
        html! {
            section.panel #(DURATIONS) aria-labelledby="d-t" {
                header {
                    h2 #d-t { "Duration" }
                    span.small.dim { (self.caption(&chart)) }
                    span.grow {}
                    (self.choice_of_last(links))
                }
                @if self.newest.is_empty() {
                    p.body.dim { "This flow has not run yet. Its durations appear here." }
                } @else {
                    div.body { (chart.markup()) p.sr { (self.spoken(&chart)) } }
                }
            }
        }
    }

    fn duration_chart(&self, links: &Links) -> DurationChart {
        let runs = self.newest.iter().zip(&self.durations).rev();
        let points = runs.map(|(run, seconds)| DurationPoint {
            href: links.run(self.key.run(run.id)),
            status: run.status,
            start: run.start,
            seconds: charted(run.status, *seconds),
        });
        DurationChart::new(points.collect(), self.usual)
    }

    fn caption(&self, chart: &DurationChart) -> String {
        let runs = match self.newest.len() {
            1 => "one run".to_owned(),
            runs => format!("last {runs} runs, oldest left"),
        };
        let usual = self.usual.map(|usual| {
            format!(
                " · the band holds nine of ten · dashed: the median, {}",
                seconds(usual.median.as_secs_f64())
            )
        });
        let beyond = match chart.beyond_scale() {
            0 => String::new(),
            1 => " · one run took longer than the scale shows".to_owned(),
            runs => format!(" · {runs} runs took longer than the scale shows"),
        };
        runs + &usual.unwrap_or_default() + &beyond
    }

    fn spoken(&self, chart: &DurationChart) -> String {
        match chart.usual() {
            Some(usual) => format!(
                "Durations of the last {} runs: median {}, nine of ten between {} and {}. The list below has each run.",
                self.newest.len(),
                seconds(usual.median.as_secs_f64()),
                seconds(usual.low.as_secs_f64()),
                seconds(usual.high.as_secs_f64())
            ),
            None => "Durations of the runs. The list below has each run.".to_owned(),
        }
    }

    fn choice_of_last(&self, links: &Links) -> Markup {
        html! {
            span.seg role="group" aria-label="How many runs" {
                @for last in ChartedRuns::ALL {
                    a href=(links.to(self.address.with_last(last)))
                        aria-current=[(last == self.address.last).then_some("true")] { (last.number()) }
                }
            }
        }
    }

    pub(super) fn members_fragment(&self, links: &Links) -> Markup {
        html! {
            section.panel #(MEMBERS) aria-labelledby="s-t" {
                header {
                    h2 #s-t { "Statistics" }
                    span.small.dim { "of the same runs" }
                }
                @if self.charts.is_empty() {
                    p.body.dim { "The newest runs have reported no numbers in their statistics." }
                } @else {
                    div.charts { @for series in &self.charts { (self.member(series)) } }
                }
                @if !self.members.is_empty() { (self.choice_of_members(links)) }
            }
        }
    }

    fn member(&self, series: &MemberSeries) -> Markup {
        let points = self.newest.iter().zip(&series.values).rev().map(|(run, value)| MemberPoint {
            value: value.map(Number::to_f64),
            failed: run.status == RunStatus::Ended(Outcome::Failed),
            start: run.start,
        });
        let points: Vec<MemberPoint> = points.collect();
        let numbers: Vec<Number> = series.values.iter().copied().flatten().collect();
        html! {
            div {
                div.cap {
                    h3.mono { bdi { (leaf::cut(&member_shown(&series.member))) } }
                    span.small.dim {
                        @match (numbers.first(), median(&numbers)) {
                            (Some(last), Some(median)) => { "last " b { (leaf::number_shown(*last)) } " · median " (median) }
                            _ => "no numbers in these runs",
                        }
                    }
                }
                (member_chart(&points))
            }
        }
    }

    /// Links that add a member to the charts, or remove it.
    fn choice_of_members(&self, links: &Links) -> Markup {
        let charted: Vec<MemberPath> =
            self.charts.iter().map(|series| series.member.clone()).collect();
        let current = Members::of(charted.iter().cloned());
        let offered = self.members.iter().filter(|member| !charted.contains(member));
        let members: Vec<&MemberPath> = charted.iter().chain(offered).collect();
        html! {
            footer {
                details {
                    summary { "Choose up to three members" }
                    nav.chips aria-label="Charted members" {
                        @for member in members {
                            a.chip.mono href=(links.to(self.address.with_charts(current.toggled(member))))
                                aria-current=[charted.contains(member).then_some("true")] {
                                bdi { (leaf::cut(&member_shown(member))) }
                            }
                        }
                        @if !self.address.charts.is_empty() {
                            a.btn.quiet href=(links.to(self.address.with_charts(Members::default()))) { "Usual choice" }
                        }
                    }
                }
            }
        }
    }
}

/// The median with separators; exact if all numbers are integers.
fn median(numbers: &[Number]) -> Option<String> {
    let integers: Option<Vec<i128>> = numbers.iter().copied().map(leaf::integer).collect();
    let Some(mut integers) = integers else {
        let median = quantile(&sorted(numbers.iter().copied().map(Number::to_f64)), 0.5)?;
        return Some(grouped(&median.to_string()));
    };
    integers.sort_unstable();
    let last = integers.len().checked_sub(1)?;
    let twice = integers.get(last / 2)? + integers.get(last.div_ceil(2))?;
    let sign = if twice < 0 { "-" } else { "" };
    let half = if twice % 2 == 0 { "" } else { ".5" };
    Some(grouped(&format!("{sign}{}{half}", twice.unsigned_abs() / 2)))
}

/// The duration of a run as the chart shows it: of a run in progress in whole minutes, so that the chart of a live page is not
/// sent again every two seconds.
fn charted(status: RunStatus, seconds: f64) -> f64 {
    match status {
        RunStatus::Running => (seconds / 60.0).floor() * 60.0,
        RunStatus::Ended(_) => seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_integers_is_exact() {
        const BEYOND: u64 = (1 << 53) + 1;
        let median_of = |numbers: &[u64]| {
            median(&numbers.iter().copied().map(Number::from).collect::<Vec<_>>())
        };
        assert_eq!(median_of(&[]), None);
        assert_eq!(median_of(&[BEYOND]).as_deref(), Some("9,007,199,254,740,993"));
        assert_eq!(median_of(&[BEYOND, 7, u64::MAX]).as_deref(), Some("9,007,199,254,740,993"));
        assert_eq!(median_of(&[u64::MAX, BEYOND]).as_deref(), Some("9,227,875,636,482,146,304"));
        assert_eq!(median_of(&[1, 2]).as_deref(), Some("1.5"));
        let negative = [-1_i64, 0].map(Number::from);
        assert_eq!(median(&negative).as_deref(), Some("-0.5"));
        let fractions = [0.5, 1.0].map(|number| Number::from_double(number).unwrap());
        assert_eq!(median(&fractions).as_deref(), Some("0.75"));
    }
}
