//! The runs of a flow with filters.

use flowruns_domain::{run::RunStatus, timestamp::Timestamp};
use maud::{Markup, html};

use super::{
    RUNS,
    notice::excerpt,
    view::{FlowView, RunRow},
};
use crate::{
    address::{ChosenRun, FlowAddress, RunsOrder, Statuses, member_shown},
    links::{Links, flow_path},
    view::{
        choose,
        icon::icon,
        leaf,
        status::{IN_ORDER, badge, look},
        time::{seconds, ticking_duration, time},
    },
};

impl FlowView {
    pub(super) fn runs_fragment(&self, links: &Links) -> Markup {
        html! {
            section.panel #(RUNS) aria-labelledby="r-t" {
                header { h2 #r-t { "Runs" } (self.chips(links)) span.grow {} (self.filter_form(links)) }
                @if self.runs.is_empty() {
                    p.body.dim { (self.nothing()) }
                } @else {
                    div.wide-scroll { (self.table(links)) }
                }
                footer {
                    span { (self.listed()) }
                    span.grow {}
                    @if self.address.after.is_some() {
                        a.btn rel="prev" href=(links.to(self.address.with_after(None))) { "First page" }
                    }
                    @match &self.next {
                        Some(next) => a.btn rel="next" href=(links.to(self.address.with_after(Some(next.clone())))) { (self.next_label()) },
                        None => span.btn aria-disabled="true" { (self.next_label()) },
                    }
                }
            }
        }
    }

    /// One link for each status; the numbers are those of the charted runs.
    fn chips(&self, links: &Links) -> Markup {
        let statuses = &self.address.statuses;
        let all = self.address.with_statuses(Statuses::default());
        html! {
            nav.chips aria-label="Status" title=(format!("Numbers: of the last {} runs", self.newest.len())) {
                a.chip href=(links.to(all)) aria-current=[statuses.is_all().then_some("true")] { "Any" }
                @for status in IN_ORDER {
                    a.chip href=(links.to(self.address.with_statuses(statuses.toggled(status))))
                        aria-current=[statuses.names(status).then_some("true")] {
                        (icon(look(status).icon)) (look(status).word) " " span.n { (self.count(status)) }
                    }
                }
            }
        }
    }

    fn filter_form(&self, links: &Links) -> Markup {
        let FlowAddress { statuses, from, to, name, order, last, charts, .. } = &self.address;
        let hidden = |name: &str, value: String| {
            html! { @if !value.is_empty() { input type="hidden" name=(name) value=(value); } }
        };
        html! {
            form.filters action=(links.to(flow_path(self.key.flow))) {
                (hidden("status", statuses.to_string()))
                (hidden("chart", charts.to_string()))
                (hidden("last", last.number().to_string()))
                (time_field("from", "From (UTC)", *from))
                (time_field("to", "Before (UTC)", *to))
                div.field {
                    label for="f-name" { "Name begins with" }
                    input #f-name name="name" maxlength="256" value=[name.as_deref()];
                }
                div.field {
                    label for="f-order" { "Order" }
                    select #f-order name="order" {
                        @for one in RunsOrder::ALL {
                            option value=(one.name()) selected[one == *order] { (one.label()) }
                        }
                    }
                }
                button { "Show" }
                @if self.address.has_filter() {
                    a.btn.quiet href=(links.to(self.address.without_filter())) { "Clear" }
                }
            }
        }
    }

    fn nothing(&self) -> &'static str {
        match (self.newest.is_empty(), self.next.is_some()) {
            (true, _) => "No run has been reported yet.",
            (false, true) => {
                "No run matches among those that were looked at; there may be more on the next page."
            }
            (false, false) => "No run matches.",
        }
    }

    fn listed(&self) -> String {
        match self.runs.len() {
            0 => String::new(),
            1 => "one run".to_owned(),
            runs => format!("{runs} runs, {}", self.address.order.label()),
        }
    }

    fn next_label(&self) -> &'static str {
        match self.address.order {
            RunsOrder::Newest | RunsOrder::Ended => "Older",
            RunsOrder::Oldest => "Newer",
            RunsOrder::Name => "Next",
        }
    }

    fn table(&self, links: &Links) -> Markup {
        // Values are read of the newest runs; a page of others has no columns for them.
        let has_values = self.runs.iter().any(|row| row.values.is_some());
        let members = if has_values { self.charts.as_slice() } else { &[] };
        let is_running = |row: &RunRow| row.run.status == RunStatus::Running;
        let chooses = self.may_end && self.runs.iter().any(is_running);
        html! {
            table.cards {
                caption.sr { "Runs, " (self.address.order.label()) }
                thead {
                    tr {
                        @if chooses { th.choose { span.sr { "Choose" } (choose::all()) } }
                        th { "Status" }
                        th aria-sort=[self.sort(RunsOrder::Name)] { (self.sort_link("Run", RunsOrder::Name, links)) }
                        th aria-sort=[self.sort(RunsOrder::Newest)] { (self.sort_link("Start", self.other_direction(), links)) }
                        th.num aria-sort=[self.sort(RunsOrder::Ended)] { "Duration, against the median" }
                        @for series in members { th.num.mono { bdi { (leaf::cut(&member_shown(&series.member))) } } }
                    }
                }
                tbody { @for row in &self.runs { (self.row((row, chooses), members.len(), links)) } }
            }
        }
    }

    /// The order by start that a click on the header leads to.
    fn other_direction(&self) -> RunsOrder {
        match self.address.order {
            RunsOrder::Newest => RunsOrder::Oldest,
            RunsOrder::Oldest | RunsOrder::Ended | RunsOrder::Name => RunsOrder::Newest,
        }
    }

    fn sort(&self, column: RunsOrder) -> Option<&'static str> {
        match (column, self.address.order) {
            (RunsOrder::Newest, RunsOrder::Newest) => Some("descending"),
            (RunsOrder::Newest, RunsOrder::Oldest) | (RunsOrder::Name, RunsOrder::Name) => {
                Some("ascending")
            }
            _ => None,
        }
    }

    fn sort_link(&self, label: &str, order: RunsOrder, links: &Links) -> Markup {
        let arrow = match (label, self.address.order) {
            ("Start", RunsOrder::Newest) => " ↓",
            ("Start", RunsOrder::Oldest) | ("Run", RunsOrder::Name) => " ↑",
            _ => "",
        };
        html! { a href=(links.to(self.address.with_order(order))) { (label) (arrow) } }
    }

    fn row(&self, (row, chooses): (&RunRow, bool), members: usize, links: &Links) -> Markup {
        let status = row.run.status;
        let is_choice = status == RunStatus::Running;
        html! {
            tr.pick {
                @if chooses {
                    td.choose.no[!is_choice] {
                        @if is_choice { (choose::check_box(self.chosen(row), &format!("the run {}", row.run.name))) }
                    }
                }
                td { (badge(status)) }
                td.full {
                    span.two {
                        a.name href=(links.run(self.key.run(row.run.id))) { bdi { (row.run.name) } }
                        @if let Some(error) = &row.error { (excerpt(error)) }
                    }
                }
                td.nowrap data-l="Start" { (time(row.run.start)) }
                td.num data-l="Duration" {
                    @if status == RunStatus::Running { (ticking_duration(row.run.start, self.now)) }
                    @else { (seconds(row.seconds)) (self.against_median(row)) }
                }
                @for member in 0..members {
                    @let value = row.values.as_ref().and_then(|values| values.get(member).copied().flatten());
                    td.num.value data-l=(self.charts.get(member).map_or_else(String::new, |series| leaf::cut(&member_shown(&series.member)))) {
                        @match value {
                            Some(value) => (leaf::number_shown(value)),
                            None => "–",
                        }
                    }
                }
            }
        }
    }

    fn chosen(&self, row: &RunRow) -> ChosenRun {
        ChosenRun::new(self.key.run(row.run.id), row.version)
    }

    /// How much longer or shorter than the median a run took, if it ended and did not fail.
    fn against_median(&self, row: &RunRow) -> Markup {
        use flowruns_domain::run::Outcome;
        let is_compared =
            !matches!(row.run.status, RunStatus::Running | RunStatus::Ended(Outcome::Failed));
        let median =
            self.usual.map(|usual| usual.median.as_secs_f64()).filter(|median| *median > 0.0);
        let (Some(median), true) = (median, is_compared) else {
            return Markup::default();
        };
        let percent = (row.seconds / median - 1.0) * 100.0;
        let shown = format!("{:.0} %", percent.abs().min(9999.0));
        html! {
            @if percent.abs() >= 0.5 {
                " " span class=(if percent > 0.0 { "up small dim" } else { "down small dim" }) { (shown) }
            }
        }
    }
}

fn time_field(name: &str, label: &str, value: Option<Timestamp>) -> Markup {
    let id = format!("f-{name}");
    let value = value.map(|value| value.date_time().format("%Y-%m-%dT%H:%M").to_string());
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) type="datetime-local" name=(name) value=[value];
        }
    }
}
