//! Records of CSV (RFC 4180), with the columns of `/ui/runs.csv` that a list has.

use flowruns_client::{FlowRecord, RunRow, Timestamp};

use super::text::clean;

/// The characters with which spreadsheets begin a formula, in the forms that they accept.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

pub(crate) const RUN_COLUMNS: &str =
    "flowId,flow,runId,run,status,startDateTime,endDateTime,seconds\r\n";
pub(crate) const FLOW_COLUMNS: &str = "flowId,flow,readinessStatus\r\n";

/// A run as a record.
pub(crate) fn run(row: &RunRow) -> String {
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let seconds =
        row.end.map(|end| format!("{}", (end.since(row.start)).as_millis() as f64 / 1000.0));
    let flow_name = row.flow_name.as_deref().unwrap_or_default();
    format!(
        "{},{},{},{},{},{},{},{}\r\n",
        row.address.flow,
        field(flow_name),
        row.address.run,
        field(&row.display_name),
        field(row.status.as_str()),
        row.start,
        text(row.end),
        seconds.unwrap_or_default(),
    )
}

/// A flow as a record.
pub(crate) fn flow(flow: &FlowRecord) -> String {
    format!("{},{},{}\r\n", flow.id, field(&flow.display_name), field(&flow.readiness))
}

/// A text in quotes. If a spreadsheet would take it for a formula, `'` comes first: then the spreadsheet shows it as text.
fn field(text: &str) -> String {
    let text = clean(text);
    let is_formula = text.trim_start().starts_with(FORMULA_STARTS);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_text_is_quoted_and_no_formula() {
        assert_eq!(field("a\"b,c"), "\"a\"\"b,c\"");
        assert_eq!(field(" =1+1"), "\"' =1+1\"");
        assert_eq!(field("＠x"), "\"'＠x\"");
        assert_eq!(field("a\r\nb"), "\"a\\r\\nb\"");
    }
}
