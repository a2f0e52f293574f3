//! The requests of the clients.

use std::io::Write as _;

use fastrand::Rng;
use flowruns_testing::harness::ServerProcess;

use super::{
    dataset::{self, Dataset, FIRST_REPORTED, flow_id, run_id},
    kind::Kind,
    loading,
};

const FLOWS: &str = "/industryData/incomingFlows";
/// The run of all reports in loads on one run.
pub(crate) const HOT_RUN: u64 = 1;

/// Makes requests of each kind; the same seed makes the same.
pub(crate) struct Requests {
    pub(crate) dataset: Dataset,
    /// Host and Authorization.
    common: String,
    creation: String,
    random: Rng,
    next_reported: u64,
}

impl Requests {
    /// For a service and what is in its database.
    pub(crate) fn new(dataset: Dataset, service: &ServerProcess) -> Self {
        Self {
            dataset,
            common: common(service),
            creation: format!(
                "{{\"displayName\":\"{}\",\"statistics\":{}}}",
                loading::NAME,
                dataset::statistics()
            ),
            random: Rng::with_seed(7),
            next_reported: FIRST_REPORTED,
        }
    }

    /// The following requests are for another service on the same database.
    pub(crate) fn direct_to(&mut self, service: &ServerProcess) {
        self.common = common(service);
    }

    /// Writes the next request of a kind, and says which status its response must have.
    pub(crate) fn write(&mut self, kind: Kind, out: &mut Vec<u8>) -> anyhow::Result<u16> {
        out.clear();
        let run = match kind {
            Kind::Hot => HOT_RUN,
            _ => self.random.u64(kind.dataset(self.dataset).numbers_in_use()),
        };
        let flow = flow_id(self.dataset.flow_of(run));
        match kind {
            Kind::Patch | Kind::Cold | Kind::InProgress | Kind::Hot => {
                let body = dataset::report(self.next_reported);
                self.next_reported += 1;
                let run = run_id(run);
                write!(out, "PATCH {FLOWS}/{flow}/runs/{run} HTTP/1.1\r\n")?;
                self.finish(out, Some(&body))?;
                Ok(200)
            }
            Kind::Post => {
                write!(out, "POST {FLOWS}/{flow}/runs HTTP/1.1\r\n")?;
                self.finish(out, Some(&self.creation))?;
                Ok(201)
            }
            Kind::Get => {
                write!(out, "GET {FLOWS}/{flow}/runs/{} HTTP/1.1\r\n", run_id(run))?;
                self.finish(out, None)?;
                Ok(200)
            }
            Kind::List => {
                write!(out, "GET {FLOWS}/{flow}/runs HTTP/1.1\r\n")?;
                self.finish(out, None)?;
                Ok(200)
            }
        }
    }

    fn finish(&self, out: &mut Vec<u8>, body: Option<&str>) -> std::io::Result<()> {
        out.extend_from_slice(self.common.as_bytes());
        if let Some(body) = body {
            write!(
                out,
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        } else {
            out.write_all(b"\r\n")
        }
    }
}

fn common(service: &ServerProcess) -> String {
    format!("Host: {}\r\nAuthorization: Bearer {}\r\n", service.address(), service.token())
}
