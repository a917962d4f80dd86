//! A sink of one's own: a line of SQL a call, for whatever database there is.
//!
//! `cargo run -p llmlab-examples --bin custom_sink`

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use llmlab::event::Subject;
use llmlab::sink::{Batch, Guarantee, Receipt, Sink};
use llmlab::{ErrorCode, Llmlab, SinkChoice};

/// Events have ids, so a batch that comes again changes nothing.
struct Sql<W>(W);

impl<W: Write + Send> Sink for Sql<W> {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> llmlab::Result<Vec<Receipt>> {
        batches.iter().map(|batch| self.store(batch).map_err(unavailable)).collect()
    }
}

impl<W: Write> Sql<W> {
    fn store(&mut self, batch: &Batch) -> std::io::Result<Receipt> {
        for event in &batch.events {
            let Subject::Call(call) = &event.facts.subject else { continue };
            let model = call.model.as_deref().unwrap_or_default().replace('\'', "''");
            // Unknown is NULL, never 0.
            let cost = event.charge.and_then(|charge| charge.total).map_or("NULL".to_owned(), |cost| cost.to_string());
            writeln!(self.0, "INSERT INTO calls VALUES ('{}', '{model}', {cost}) ON CONFLICT DO NOTHING;", event.id)?;
        }
        self.0.flush()?;
        Ok(Receipt { stored: batch.events.len() as u64, ..Receipt::default() })
    }
}

/// Nothing is lost: the batch waits in the spool, and comes again.
fn unavailable(error: std::io::Error) -> llmlab::Error {
    llmlab::Error::new(ErrorCode::Storage, "the database takes nothing").caused_by(error)
}

fn main() -> Result<(), Box<dyn Error>> {
    let sink = SinkChoice::custom(Sql(std::io::stdout()));
    let lab = Llmlab::builder().project("sinks").sink(sink).sink("ledger").build()?;
    lab.track_call("openai", "gpt-5-mini").input_tokens(1_200).output_tokens(300).record();
    lab.track_call("nobody", "a-model-without-a-price").input_tokens(10).record();

    let report = lab.shutdown(Duration::from_secs(5));
    println!("-- {} delivered", if report.pending == 0 { "all" } else { "not all" });
    Ok(())
}
