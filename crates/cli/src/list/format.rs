//! The forms of a list. A table and a JSON array are written at the end, the others row by row.

use clap::Args;
use flowruns_client::{FlowRecord, RunRow};
use serde_json::{Value, json};

use crate::{
    exit::Failure,
    print::{Cell, Colour, Output, Terminal, csv, json, table},
    time,
};

/// The form of a list.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub(crate) struct FormatArguments {
    /// Print a JSON array
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print JSON, one object a line
    #[arg(long, help_heading = "Output")]
    ndjson: bool,
    /// Print CSV
    #[arg(long, help_heading = "Output")]
    csv: bool,
    /// Print what other commands accept: FLOW/RUN of each run, or the id of each flow
    #[arg(long, help_heading = "Output")]
    ids: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Table,
    Json,
    Ndjson,
    Csv,
    Ids,
}

/// The rows of a list.
pub(crate) struct Rows {
    form: Form,
    headings: &'static [&'static str],
    /// Whether all runs are of one flow, which is then no column.
    is_one_flow: bool,
    cells: Vec<Vec<Cell>>,
    values: Vec<Value>,
    output: Output,
}

impl FormatArguments {
    const fn form(self) -> Form {
        match self {
            Self { json: true, .. } => Form::Json,
            Self { ndjson: true, .. } => Form::Ndjson,
            Self { csv: true, .. } => Form::Csv,
            Self { ids: true, .. } => Form::Ids,
            _ => Form::Table,
        }
    }
}

impl Rows {
    pub(crate) fn runs(format: FormatArguments, is_one_flow: bool) -> Result<Self, Failure> {
        let headings: &[&str] = match is_one_flow {
            true => &["STATUS", "RUN NAME", "STARTED (UTC)", "TOOK", "RUN"],
            false => &["STATUS", "FLOW", "RUN NAME", "STARTED (UTC)", "TOOK", "RUN"],
        };
        Self::new(format, headings, is_one_flow, csv::RUN_COLUMNS)
    }

    pub(crate) fn flows(format: FormatArguments) -> Result<Self, Failure> {
        Self::new(format, &["FLOW NAME", "READINESS", "FLOW"], false, csv::FLOW_COLUMNS)
    }

    fn new(
        format: FormatArguments,
        headings: &'static [&'static str],
        is_one_flow: bool,
        columns: &str,
    ) -> Result<Self, Failure> {
        let form = format.form();
        let mut output = Output::new();
        if form == Form::Csv {
            output.write(columns)?;
        }
        Ok(Self { form, headings, is_one_flow, cells: Vec::new(), values: Vec::new(), output })
    }

    pub(crate) fn add_run(&mut self, run: &RunRow) -> Result<(), Failure> {
        match self.form {
            Form::Table => self.cells.push(run_cells(run, self.is_one_flow)),
            Form::Json => self.values.push(json::row(run)),
            Form::Ndjson => self.output.write(&json::line(&json::row(run)))?,
            Form::Csv => self.output.write(&csv::run(run))?,
            Form::Ids => self.output.write(&format!("{}\n", json::address(run.address)))?,
        }
        Ok(())
    }

    pub(crate) fn add_flow(&mut self, flow: &FlowRecord) -> Result<(), Failure> {
        match self.form {
            Form::Table => self.cells.push(vec![
                Cell::text(&flow.display_name),
                Cell::word(&flow.readiness),
                Cell::word(&flow.id),
            ]),
            Form::Json => self.values.push(flow_value(flow)),
            Form::Ndjson => self.output.write(&json::line(&flow_value(flow)))?,
            Form::Csv => self.output.write(&csv::flow(flow))?,
            Form::Ids => self.output.write(&format!("{}\n", flow.id))?,
        }
        Ok(())
    }

    /// Writes what is not written yet. An empty table has no heading.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match self.form {
            Form::Table if !self.cells.is_empty() => {
                let terminal = Terminal::of_stdout();
                self.output.write(&table(self.headings, self.cells, terminal))?;
            }
            Form::Json => self.output.write(&json::pretty(&Value::Array(self.values)))?,
            _ => {}
        }
        self.output.flush()
    }
}

fn run_cells(run: &RunRow, is_one_flow: bool) -> Vec<Cell> {
    let mut cells = vec![Cell::word(&run.status).coloured(Colour::of_status(&run.status))];
    if !is_one_flow {
        cells.push(Cell::text(run.flow_name.as_deref().unwrap_or_default()));
    }
    cells.extend([
        Cell::text(&run.display_name),
        Cell::word(&time::shown(run.start)),
        Cell::number(&time::duration(time::run_length(run.start, run.end))),
        Cell::word(&run.address.run),
    ]);
    cells
}

fn flow_value(flow: &FlowRecord) -> Value {
    json!({
        "id": flow.id.to_string(),
        "displayName": flow.display_name,
        "readinessStatus": flow.readiness,
    })
}
