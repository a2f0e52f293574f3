//! What the runs report.

use flowruns_domain::run::{Outcome, RunStatus};

use super::{plan::FlowPlan, random::Random};

/// The blockingError of a failed run.
pub(super) const FAILURE: &str = r#"{
    "code": "sourceUnreachable",
    "message": "Skyward closed the connection while page 31 of /students was read, four times in a row. Roster changes of this night were not imported; the roster of the last completed run stays in place.",
    "target": "https://sis.fabrikam.example/api/v2/students?page=31",
    "details": [
        {"code": "httpStatus", "message": "503 Service Unavailable, Retry-After: 600 (attempts 1 to 4)", "target": "students/page/31"},
        {"code": "rollback", "message": "30,000 staged students were discarded", "target": "staging.students"}
    ],
    "innerError": {"code": "ConnectionReset", "message": "peer closed connection without sending TLS close_notify", "target": "10.20.4.17:443", "details": []}
}"#;

/// The blockingError of a run that ended with errors.
pub(super) const REJECTED_RECORDS: &str = r#"{
    "code": "recordsRejected",
    "message": "Some guardians have neither an e-mail address nor a phone number and were not imported.",
    "target": "guardians.csv",
    "details": [{"code": "requiredValueMissing", "message": "email or phone is required", "target": "guardians.csv:1204"}]
}"#;

const PAGE_RECORDS: u64 = 1_000;
const RECORD_BYTES: u64 = 1_372;
const SCHOOLS: u64 = 41;
const SCHOOLS_AT_FAILURE: u64 = 25;

/// What a complete run counts.
pub(super) struct Totals {
    records: u64,
    rejected: u64,
    /// Of grade levels, and of e-mail addresses.
    warnings: Option<[u64; 2]>,
    retries: u64,
    has_failed: bool,
    host: u64,
    version: &'static str,
}

impl Totals {
    pub(super) fn draw(
        plan: &FlowPlan,
        status: RunStatus,
        back: usize,
        random: &mut Random,
    ) -> Self {
        let records = random.around(plan.records as f64, 0.01) as u64;
        let outcome = match status {
            RunStatus::Ended(outcome) => outcome,
            RunStatus::Running => Outcome::Completed,
        };
        let has_warnings = outcome == Outcome::CompletedWithWarnings;
        let has_failed = outcome == Outcome::Failed;
        Self {
            records,
            rejected: match outcome {
                Outcome::CompletedWithErrors => records / 400 + random.below(40),
                _ => 0,
            },
            warnings: has_warnings.then(|| [records / 230 + random.below(9), 17 + random.below(4)]),
            retries: if has_failed { 4 } else { random.below(12) / 11 },
            has_failed,
            host: random.below(8) + 1,
            version: if back < 2 { "4.12.1" } else { "4.12.0" },
        }
    }

    /// The statistics when this share of the run is over, in percent; as JSON.
    pub(super) fn at(&self, percent: u64) -> String {
        let read = self.records * percent / 100;
        let rejected = self.rejected * percent / 100;
        let written = if self.has_failed { 0 } else { read - rejected };
        let pages = read.div_ceil(PAGE_RECORDS);
        let schools = if self.has_failed { SCHOOLS_AT_FAILURE } else { SCHOOLS * percent / 100 };
        let warnings = self.warnings.map_or_else(String::new, |[grades, mails]| {
            let (grades, mails) = (grades * percent / 100, mails * percent / 100);
            format!(r#""warnings":{{"gradeLevelUnknown":{grades},"emailMissing":{mails}}},"#)
        });
        format!(
            r#"{{"records":{{"read":{read},"written":{written},"rejected":{rejected}}},{warnings}"source":{{"pages":{pages},"retries":{},"bytes":{}}},"schools":{{"expected":{SCHOOLS},"seen":{schools}}},"host":"sync-worker-{:02}","version":"roster-sync {}"}}"#,
            self.retries,
            read * RECORD_BYTES,
            self.host,
            self.version,
        )
    }
}
