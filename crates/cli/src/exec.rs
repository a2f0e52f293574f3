//! `flowruns exec`: runs a command and reports it as a run.
//!
//! The command is started first. Everything about the server happens beside it, on a thread of its own, so that the server never
//! delays the command, stops it, or changes its exit status.

mod arguments;
mod child;
mod environment;
mod escapes;
mod event;
mod inbox;
mod known_flows;
mod outcome;
mod output;
pub(crate) mod relay;
mod reporter;
mod signals;
mod statistics_file;
mod streams;
mod supervisor;
mod tail;
mod usage;

use std::{
    fs::File,
    io::{self, Write as _},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::Instant,
};

use flowruns_client::{
    ClientBuilder, Clock as _, DisplayName, FlowId, Ids as _, JsonObject, Outcome, RunId,
    SystemClock, TimeOrderedIds, Timestamp,
};

use rustix::stdio::dup2_stdout;

pub(crate) use self::arguments::ExecArguments;
use self::{
    arguments::{Offline, TailOn},
    child::{Launch, Running},
    environment::Environment,
    event::Event,
    inbox::{Ending, Message},
    known_flows::KnownFlows,
    outcome::{ExecExit, ExitCodes, Finished, NOT_REPORTED, program_name},
    reporter::{Delivery, Plan, Reporter},
    signals::die_by,
    statistics_file::StatisticsFile,
    streams::Streams,
    supervisor::{Supervisor, TimeLimit},
    tail::Tail,
};
use crate::{
    LocalServer,
    exit::{EXEC_FAILED, Failure},
    members,
    print::clean,
    target::FlowTarget,
};

/// The name of a run whose program has a name that the service does not accept.
const UNNAMED: &str = "command";

/// Returns the exit code of the process, if it does not end by the signal of which the command died.
pub(crate) fn run(arguments: ExecArguments, local: &dyn LocalServer) -> u8 {
    let executed = Execution::new(arguments, local)
        .map_err(|failure| failure.to_string())
        .and_then(|(execution, builder)| execution.run(builder));
    match executed {
        Ok(ExecExit::Code(code)) => code,
        Ok(ExecExit::Signal(signal)) => die_by(signal),
        Err(message) => {
            say(&message);
            EXEC_FAILED
        }
    }
}

/// A command and its run.
struct Execution {
    arguments: ExecArguments,
    statistics: JsonObject,
    /// The URL of the server without a slash at the end, if it is known.
    server: Option<String>,
    /// The id of the flow, if it is given.
    flow_id: Option<FlowId>,
    known_flows: Option<KnownFlows>,
    program: String,
    run: RunId,
    start: Timestamp,
    /// The same moment by the monotonic clock.
    began: Instant,
}

/// The client to report with, or why there is none. That is no reason not to run the command.
type Builder = Result<ClientBuilder, Failure>;

impl Execution {
    /// The error is one of usage: nothing has happened.
    fn new(arguments: ExecArguments, local: &dyn LocalServer) -> Result<(Self, Builder), Failure> {
        let statistics = members::of_arguments(&arguments.statistics)?;
        let is_both = |code: &u8| arguments.error_exit.contains(code);
        if let Some(code) = arguments.warn_exit.iter().copied().find(is_both) {
            return Err(Failure::usage(format!(
                "the exit code {code} is one of warnings and one of errors"
            )));
        }
        let builder = arguments.connection.builder(local).map(|builder| match arguments.offline {
            Offline::Drop => builder.without_spool(),
            Offline::Spool | Offline::Fail => builder,
        });
        let Ok(flow) = arguments.flow.parse::<FlowTarget>();
        let start = SystemClock.now();
        let run = RunId::new(TimeOrderedIds.next(start));
        let execution = Self {
            statistics,
            server: builder.as_ref().ok().map(server_of),
            known_flows: builder.as_ref().ok().and_then(KnownFlows::of),
            flow_id: match flow {
                FlowTarget::Id(id) => Some(id),
                FlowTarget::Name(_) => None,
            },
            program: arguments
                .command
                .first()
                .map(|program| program_name(program))
                .unwrap_or_default(),
            run: run.map_err(|error| Failure::usage(error.to_string()))?,
            start,
            began: Instant::now(),
            arguments,
        };
        Ok((execution, builder))
    }

    /// The error says why the command is not started.
    fn run(self, builder: Builder) -> Result<ExecExit, String> {
        let (sender, events) = channel();
        if let Err(error) = signals::receive(sender.clone()) {
            say(&format!("signals are not passed on to the command: {error}"));
        }
        let mut supervisor = Supervisor::new(events);
        let reporter = Reporter::start(self.plan(), builder, &sender);
        if self.must_be_created() {
            supervisor.wait_for_creation().map_err(|error| {
                format!("the command is not started, because its run is not stored: {error}")
            })?;
        }
        let mut file = StatisticsFile::create(self.run);
        if let Err(error) = &file {
            say(&format!("the command gets no file for statistics: {error}"));
        }
        let mut file = file.as_mut().ok();
        let tail = Arc::new(Tail::new(self.arguments.tail));
        let mut finished =
            self.execute(&mut supervisor, &reporter, file.as_deref_mut(), &tail, &sender);
        if supervisor.wait_for_output() {
            release_stdout();
        }
        finished.output_error = supervisor.output_error();
        let ending = self.ending(&finished, file, &tail);
        reporter.tell(Message::Ended(Box::new(ending)));
        let delivery = supervisor.wait_for_report(&reporter);
        // Also what was lost after the report.
        finished.output_error = supervisor.output_error();
        if let Some(error) = &finished.output_error {
            say(&format!("a part of the output of the command could not be written: {error}"));
        }
        Ok(self.exit(&finished, &delivery))
    }

    const fn must_be_created(&self) -> bool {
        matches!(self.arguments.offline, Offline::Fail)
    }

    fn plan(&self) -> Plan {
        let of_program = || DisplayName::new(&self.program).ok();
        let name = self.arguments.name.clone().or_else(of_program);
        Plan {
            flow: self.arguments.flow.clone(),
            flow_id: self.flow_id,
            known_flows: self.known_flows.clone(),
            create_flow: self.arguments.create_flow,
            name: name.map_or_else(|| UNNAMED.to_owned(), |name| name.to_string()),
            run: self.run,
            start: self.start,
            must_be_created: self.must_be_created(),
        }
    }

    /// Runs the command to its end.
    fn execute(
        &self,
        supervisor: &mut Supervisor,
        reporter: &Reporter,
        file: Option<&mut StatisticsFile>,
        tail: &Arc<Tail>,
        events: &Sender<Event>,
    ) -> Finished {
        if let Some(signal) = supervisor.early_signal() {
            return Finished::interrupted(signal);
        }
        let mut streams = match self.arguments.tail_on {
            TailOn::Never => Streams::inherited(),
            TailOn::Failure | TailOn::Always => Streams::copied(tail, events),
        };
        supervisor.expect_copies(streams.copies);
        let started = Running::start(&self.launch(file.as_deref()), &mut streams, events);
        reporter.tell(Message::Started);
        if !self.statistics.is_empty() {
            reporter.tell(Message::Statistics(self.statistics.clone()));
        }
        let finished = match started {
            Ok(running) => {
                let ExecArguments { timeout, kill_after, .. } = self.arguments;
                supervisor.run(running, TimeLimit { timeout, kill_after }, file, reporter)
            }
            Err(error) => {
                let program = self.arguments.command.first();
                let program = program.map(|program| program.to_string_lossy()).unwrap_or_default();
                say(&format!("{program:?} could not be started: {error}"));
                Finished::not_started(error)
            }
        };
        streams.command_ended();
        finished
    }

    fn launch(&self, file: Option<&StatisticsFile>) -> Launch {
        let mut words = self.arguments.command.iter().cloned();
        let program = words.next().unwrap_or_default();
        let mut launch = Launch { program, arguments: words.collect(), environment: Vec::new() };
        let known = || self.known_flows.as_ref()?.find(&self.arguments.flow);
        let environment = Environment {
            url: self.server.as_deref(),
            flow: &self.arguments.flow,
            flow_id: self.flow_id.or_else(known),
            run: self.run,
            start: self.start,
            statistics: file.map(|file| file.path().into()),
            share_token: self.arguments.share_token,
        };
        environment.set(&mut launch);
        launch
    }

    /// What is reported of the end.
    fn ending(
        &self,
        finished: &Finished,
        file: Option<&mut StatisticsFile>,
        tail: &Tail,
    ) -> Ending {
        let ExecArguments { warn_exit, error_exit, tail_on, .. } = &self.arguments;
        let tail = if *tail_on == TailOn::Never { None } else { tail.text() };
        let codes = ExitCodes { warnings: warn_exit, errors: error_exit };
        let reported = finished.reported(&self.program, codes, tail.as_deref());
        let mut statistics = Vec::new();
        match file.map(StatisticsFile::changed) {
            Some(Ok(found)) => statistics.extend(found),
            Some(Err(reason)) => {
                say(&format!("the statistics of the command are not reported: {reason}"))
            }
            None => {}
        }
        statistics.push(finished.statistics(&self.program));
        let has_error = !matches!(reported, Ok(Outcome::Completed | Outcome::WithWarnings));
        if let (TailOn::Always, false, Some(tail)) = (tail_on, has_error, tail) {
            statistics.push(outcome::tail_statistics(&tail));
        }
        let at = finished.at(self.start, self.began);
        Ending { reported, statistics, at }
    }

    /// Says what was not reported. The exit status is that of the command, except with `--strict`.
    fn exit(&self, finished: &Finished, delivery: &Delivery) -> ExecExit {
        let exit = finished.exit();
        match delivery {
            Delivery::Stored(None) => exit,
            Delivery::Stored(Some(note)) => {
                say(note);
                exit
            }
            Delivery::Spooled(error) => {
                say(&format!(
                    "the report of run {} is in the spool, to be sent later: {error}",
                    self.run
                ));
                exit
            }
            Delivery::Lost(error) => {
                say(&format!(
                    "run {} of {:?} is not reported: {error}",
                    self.run, self.arguments.flow
                ));
                let has_succeeded = exit == ExecExit::Code(0);
                if self.arguments.strict && has_succeeded {
                    ExecExit::Code(NOT_REPORTED)
                } else {
                    exit
                }
            }
        }
    }
}

/// Closes standard output, so that its reader sees the end of the output before the report is done.
fn release_stdout() {
    // An error means that the reader waits for the end of this process.
    let _still_open =
        File::options().write(true).open("/dev/null").and_then(|null| Ok(dup2_stdout(&null)?));
}

fn server_of(builder: &ClientBuilder) -> String {
    builder.url().as_str().trim_end_matches('/').to_owned()
}

/// Prints one line on standard error. If that cannot be written, nothing else can be done about it.
fn say(text: &str) {
    let line = format!("flowruns: {}\n", clean(text));
    let _written = io::stderr().write_all(line.as_bytes());
}
