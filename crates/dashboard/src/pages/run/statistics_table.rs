//! The statistics of a run beside those of another, as a table.

use flowruns_domain::json::JsonValue;
use maud::{Markup, html};

use super::{STATISTICS, facts::percent_in_words, read::Choice, view::RunView};
use crate::{
    address::Against,
    links::Links,
    view::{
        chart::number_spark,
        leaf::{self, grouped},
        statistics::{Change, MemberRow},
        time::time,
    },
};

impl RunView {
    pub(super) fn statistics_fragment(&self, links: &Links) -> Markup {
        html! {
            section.panel #(STATISTICS) aria-labelledby="st-t" {
                header {
                    h2 #st-t { "Statistics" }
                    (self.compared_note(links))
                    span.grow {}
                    (self.choices(links))
                }
                @if self.comparison.rows.is_empty() {
                    p.body.dim { (self.empty_note()) }
                } @else {
                    (self.table())
                }
                @if self.comparison.left_out > 0 {
                    footer {
                        span {
                            (self.comparison.rows.len()) " of " (grouped(&self.comparison.members.to_string()))
                            " members, those that differ first."
                        }
                        span.grow {}
                        a href=(links.to(self.address.json())) { "All of them, as JSON" }
                    }
                }
            }
        }
    }

    fn compared_note(&self, links: &Links) -> Markup {
        html! {
            span.small.dim {
                @match &self.compared_with {
                    Some(other) => {
                        "beside " (self.other_name(other)) ", "
                        a href=(links.run(self.key.flow_key().run(other.id))) { bdi { (other.name) } }
                        " of " (time(other.start))
                    }
                    None if self.choice == Choice::Completed => "no run before it completed",
                    None => "no run before it",
                }
            }
        }
    }

    fn empty_note(&self) -> &'static str {
        match (self.comparison.members, self.address.only_differences) {
            (0, _) => "The run has reported no statistics.",
            (_, true) => "No member differs.",
            (_, false) => "There is nothing to show.",
        }
    }

    /// Links to other comparisons.
    fn choices(&self, links: &Links) -> Markup {
        let to = |against| links.to(self.address.with_against(against));
        let is = |choice: Choice| (self.choice == choice).then_some("true");
        let only = self.address.with_only_differences(!self.address.only_differences);
        html! {
            span.seg role="group" aria-label="Compare with" {
                a href=(to(Against::Before)) aria-current=[is(Choice::Before)] { "run before" }
                a href=(to(Against::Completed)) aria-current=[is(Choice::Completed)] { "last good" }
            }
            (self.choice_by_id(links))
            @if self.compared_with.is_some() {
                a.chip href=(links.to(only)) aria-current=[self.address.only_differences.then_some("true")] {
                    "Only differences " span.n { (self.comparison.differing) }
                }
            }
        }
    }

    /// A form for any other run of the flow.
    fn choice_by_id(&self, links: &Links) -> Markup {
        let chosen = match self.choice {
            Choice::Run(run) => Some(run.to_string()),
            Choice::Before | Choice::Completed => None,
        };
        html! {
            details.exact open[chosen.is_some()] {
                summary { "Another run" }
                form.row action=(links.run(self.key)) {
                    label.sr for="against" { "Id of a run of this flow" }
                    input.mono #against name="against" placeholder="Id of a run" maxlength="36" value=[chosen];
                    @if self.address.only_differences { input type="hidden" name="only" value="differences"; }
                    button { "Compare" }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let groups = self.comparison.rows.chunk_by(|one, next| one.group == next.group);
        let has_groups = self.comparison.rows.first().is_some_and(|row| !row.group.is_empty());
        html! {
            div.wide-scroll tabindex="0" role="region" aria-label="Statistics, side by side" {
                table.tree {
                    caption.sr { "Statistics of this run beside those of another" }
                    thead {
                        tr {
                            th { "Member" } th.num { "This run" } th.num { "Compared" } th { "Change" } th { "Last 20" }
                        }
                    }
                    tbody {
                        @for rows in groups {
                            @if has_groups {
                                tr.g { th colspan="5" scope="rowgroup" { bdi { (group_name(rows)) } } }
                            }
                            @for row in rows { (self.row(row)) }
                        }
                    }
                }
            }
        }
    }

    fn row(&self, row: &MemberRow) -> Markup {
        let differs = match row.change {
            Change::Differs | Change::Added => true,
            Change::Missing => !self.is_running(),
            Change::Number { .. } | Change::Same | Change::NotCompared => row.is_unusual(),
        };
        html! {
            tr id=(row.anchor) class=[differs.then_some("differs")] {
                td.in.mono { bdi { (leaf::cut(&row.name)) } }
                (value_cell(row.this.as_ref(), false))
                (value_cell(row.other.as_ref(), true))
                td { (change(row, self.is_running())) @if let Some(usual) = row.usual { (unusual(usual)) } }
                td { @if !row.series.is_empty() { (number_spark(&row.series, self.run.status)) } }
            }
        }
    }
}

fn group_name(rows: &[MemberRow]) -> String {
    match rows.first() {
        Some(row) if !row.group.is_empty() => leaf::cut(&row.group),
        _ => "other members".to_owned(),
    }
}

fn value_cell(value: Option<&JsonValue>, is_other: bool) -> Markup {
    let color = if is_other { " dim" } else { "" };
    html! {
        @match value {
            None => td class=(format!("num{color}")) { "–" },
            Some(number @ JsonValue::Number(_)) => td class=(format!("num{color}")) { (leaf::shown(number)) },
            Some(other) => td class=(format!("mono{color}")) { bdi { (leaf::shown(other)) } },
        }
    }
}

/// `is_running` says that the run may still report what it lacks.
fn change(row: &MemberRow, is_running: bool) -> Markup {
    html! {
        @match row.change {
            Change::NotCompared => {}
            Change::Same => span.dim { "same" },
            Change::Differs => b { "differs" },
            Change::Added => b { "only here" },
            Change::Missing if is_running => span.dim { "not yet" },
            Change::Missing => b { "missing here" },
            Change::Number { difference, percent } => {
                span class=(if difference < 0.0 { "down" } else { "up" }) {
                    (if difference < 0.0 { '−' } else { '+' })
                    (grouped(&difference.abs().to_string()))
                }
                @if let Some(percent) = percent {
                    " " span.small.dim { "(" (percent_in_words(percent)) ")" }
                }
            }
        }
    }
}

/// What is unusual, in words.
fn unusual(usual: f64) -> Markup {
    html! { " " span.unusual { "unusual, usually " (grouped(&usual.to_string())) } }
}
