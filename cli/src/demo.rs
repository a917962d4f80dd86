//! `llmlab demo`: what `llmlab status` looks like, with sample data.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use llmlab::clock::SystemClock;
use llmlab::event::{Call, Facts, Operation, Status, Subject};
use llmlab::ledger::Filter;
use llmlab::scope::{Labels, Scope};
use llmlab::{Config, Dimension, Llmlab, Options, Usage};

use crate::colour::DOUBT;
use crate::failure::Failure;
use crate::folder;
use crate::status::{self, Overview};
use crate::surroundings::Surroundings;

/// Show `llmlab status` with sample data
///
/// The data goes the way of real calls, into a ledger that is thrown away; yours is not touched.
#[derive(Args)]
pub(crate) struct Arguments {}

const DAYS: u64 = 14;
const NS_PER_MINUTE: i64 = 60_000_000_000;
const MINUTES_PER_DAY: u64 = 24 * 60;
/// Every so many calls a provider has enough of us, and the next attempt succeeds.
const CALLS_PER_REFUSAL: u64 = 23;
/// The sample is small; a machine that needs longer still shows it, because `status` reads what waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one feature of the sample application does all day.
struct Workload {
    feature: &'static str,
    provider: Option<&'static str>,
    model: &'static str,
    operation: Operation,
    calls_per_day: u64,
    input: u64,
    cached: Option<u64>,
    output: Option<u64>,
}

const WORKLOADS: [Workload; 5] = [
    Workload {
        feature: "support-chat",
        provider: Some("openai"),
        model: "gpt-5-mini",
        operation: Operation::Chat,
        calls_per_day: 12,
        input: 2_400,
        cached: Some(1_536),
        output: Some(420),
    },
    Workload {
        feature: "code-review",
        provider: Some("anthropic"),
        model: "claude-sonnet-4-6",
        operation: Operation::Chat,
        calls_per_day: 4,
        input: 18_000,
        cached: Some(12_000),
        output: Some(1_900),
    },
    Workload {
        feature: "summaries",
        provider: Some("google"),
        model: "gemini-2.5-flash",
        operation: Operation::GenerateContent,
        calls_per_day: 6,
        input: 9_500,
        cached: None,
        output: Some(700),
    },
    Workload {
        feature: "search",
        provider: Some("openai"),
        model: "text-embedding-3-small",
        operation: Operation::Embeddings,
        calls_per_day: 20,
        input: 300,
        cached: None,
        output: None,
    },
    Workload {
        feature: "support-chat",
        provider: None,
        model: "our-own-llama",
        operation: Operation::Chat,
        calls_per_day: 1,
        input: 1_100,
        cached: None,
        output: Some(150),
    },
];

pub(crate) fn execute(json: bool) -> Result<(), Failure> {
    let home = folder::temporary("llmlab-demo-")
        .map_err(|cause| Failure::storage("no temporary directory can be made", &cause))?;
    let surroundings = Surroundings::at(home.path().to_owned(), json);
    record_sample(&surroundings)?;
    let notice = "Sample data, in a ledger that is thrown away; yours is not touched.";
    if json {
        writeln!(anstream::stderr(), "{notice}")?;
    } else {
        writeln!(anstream::stdout(), "{DOUBT}{notice}{DOUBT:#}\n")?;
    }
    let overview = Overview::of(&mut surroundings.ledger()?, Filter::default(), &surroundings.now)?;
    status::show(&overview, &surroundings)
}

/// Records two weeks of calls that end now.
fn record_sample(surroundings: &Surroundings) -> Result<(), Failure> {
    let home = surroundings.home.to_string_lossy().into_owned();
    let config = Config::resolve(Options::default(), &|name| (name == "LLMLAB_HOME").then(|| home.clone()))?;
    let lab = Llmlab::new(config, Arc::new(SystemClock))?;
    for (day, workload) in (0..DAYS).flat_map(|day| WORKLOADS.iter().map(move |workload| (day, workload))) {
        let labels = Labels::new(Some(workload.feature.to_owned()), None, None, Vec::new());
        let scope = Scope::open(None, lab.base(), &labels);
        for number in 0..workload.calls_per_day {
            let call = workload.call(day * workload.calls_per_day + number);
            let minutes_ago = day * MINUTES_PER_DAY + (number + 1) * 17;
            let ago_ns = i64::try_from(minutes_ago).unwrap_or(0) * NS_PER_MINUTE;
            let unix_ns = surroundings.now_ns() - ago_ns;
            if call.attempt > 1 {
                lab.record(refusal(&call, unix_ns), Some(&scope));
            }
            lab.record(facts(call, unix_ns, Status::Ok, None), Some(&scope));
        }
    }
    lab.shutdown(PATIENCE);
    Ok(())
}

impl Workload {
    /// Calls differ a little, by their number alone: the same sample every time.
    fn call(&self, number: u64) -> Call {
        let vary = |tokens: u64| tokens * (90 + number * 7 % 21) / 100;
        let mut usage = Usage::new().with(Dimension::Input, vary(self.input));
        usage.set_if(Dimension::CacheRead, self.cached.filter(|_| !number.is_multiple_of(3)));
        usage.set_if(Dimension::Output, self.output.map(vary));
        let mut call = Call::new(self.operation);
        call.provider = self.provider.map(Cow::Borrowed);
        call.model = Some(self.model.to_owned());
        call.model_requested = Some(self.model.to_owned());
        call.attempt = if number % CALLS_PER_REFUSAL == CALLS_PER_REFUSAL - 1 { 2 } else { 1 };
        call.usage = usage;
        call
    }
}

/// The attempt before a call that needed a second one.
fn refusal(call: &Call, unix_ns: i64) -> Facts {
    let mut refused = call.clone();
    (refused.attempt, refused.usage) = (1, Usage::new());
    facts(refused, unix_ns, Status::Error, Some("rate_limit_exceeded".to_owned()))
}

fn facts(call: Call, unix_ns: i64, status: Status, error_type: Option<String>) -> Facts {
    Facts { unix_ns, latency_ns: Some(840_000_000), status, error_type, subject: Subject::Call(Box::new(call)) }
}
