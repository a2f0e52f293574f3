//! The durations of the last runs of a flow as a small line.

use maud::{Markup, Render, html};

/// The size of the picture, in units, which are whole numbers: a page has a thousand points.
const WIDTH: i64 = 1000;
const HEIGHT: f64 = 260.0;
/// The space above the highest point, in units, so that its dot is not cut.
const MARGIN: f64 = 20.0;

/// A line through the durations, in seconds, the oldest first; a dashed line at the median; a dot of the class of the last run.
/// Nothing for fewer than two.
pub(crate) fn spark(seconds: &[f64], median: f64, last_class: &str) -> Markup {
    let (Some(last), true) = (seconds.last(), seconds.len() >= 2) else {
        return Markup::default();
    };
    let top = seconds.iter().copied().fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let y = |value: f64| (HEIGHT - value / top * (HEIGHT - MARGIN)).round() as i64;
    let line = Line(seconds.iter().map(|value| y(*value)).collect());
    html! {
        svg.spark viewBox="0 0 1000 260" preserveAspectRatio="none" aria-hidden="true" {
            path.mid d={ "M0 " (y(median)) "H1000" } {}
            path d=(line) {}
            path class={ "dot " (last_class) } d={ "M1000 " (y(*last)) "h0" } {}
        }
    }
}

/// The commands of a path through points at the same distance of each other, by their height. None of their characters needs an
/// escape.
struct Line(Vec<i64>);

impl Render for Line {
    fn render_to(&self, out: &mut String) {
        let last = i64::try_from(self.0.len()).unwrap_or(i64::MAX) - 1;
        for (at, y) in (0..).zip(&self.0) {
            out.push(if at == 0 { 'M' } else { 'L' });
            (at * WIDTH / last.max(1)).render_to(out);
            out.push(' ');
            y.render_to(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_needs_two_values_and_stays_in_its_picture() {
        assert_eq!(spark(&[], 0.0, "ok").into_string(), "");
        assert_eq!(spark(&[3.0], 3.0, "ok").into_string(), "");
        let html = spark(&[0.0, 0.0], 0.0, "ok").into_string();
        assert!(html.contains("M0 260L1000 260"), "{html}");
        let html = spark(&[1.0, 2.0, 4.0], 2.0, "fail").into_string();
        assert!(html.contains("M0 203L500 146L1000 31"), "{html}");
        assert!(html.contains("class=\"dot fail\""), "{html}");
    }
}
