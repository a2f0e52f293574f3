//! The durations of the last runs of a flow as a small line.

use maud::{Markup, html};

/// The height of the picture, in units.
const HEIGHT: f64 = 26.0;
/// The space below the highest point, in units, so that its dot is not cut.
const MARGIN: f64 = 2.0;

/// A line through the durations, in seconds, the oldest first; a dashed line at the median; a dot of the class of the last run.
/// Nothing for fewer than two.
pub(crate) fn spark(seconds: &[f64], median: f64, last_class: &str) -> Markup {
    let (Some(last), true) = (seconds.last(), seconds.len() >= 2) else {
        return Markup::default();
    };
    let top = seconds.iter().copied().fold(f64::MIN_POSITIVE, f64::max) * 1.05;
    let y = |value: f64| HEIGHT - value / top * (HEIGHT - MARGIN);
    let steps = (seconds.len() - 1) as f64;
    let mut line = String::with_capacity(seconds.len() * 10);
    for (at, value) in seconds.iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        line.push_str(&format!("{command}{:.1},{:.1}", at as f64 * 100.0 / steps, y(*value)));
    }
    html! {
        svg.spark viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true" {
            path.mid d={ "M0," (format!("{:.1}", y(median))) "H100" } {}
            path d=(line) {}
            path class={ "dot " (last_class) } d={ "M100," (format!("{:.1}", y(*last))) "h0" } {}
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
        assert!(html.contains("M0.0,26.0L100.0,26.0"), "{html}");
        let html = spark(&[1.0, 2.0, 4.0], 2.0, "fail").into_string();
        assert!(html.contains("M0.0,20.3L50.0,14.6L100.0,3.1"), "{html}");
        assert!(html.contains("class=\"dot fail\""), "{html}");
    }
}
