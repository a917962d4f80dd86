//! A line a call on standard error, for people. The one place of the library that talks on the host's terminal, and only
//! because the user asked for it.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use super::{Batch, Guarantee, Receipt, Sink};
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Call, Charge, CostState, Event, Rollup, Status, Subject};
use crate::usage::{Dimension, Usage};

/// Writes as soon as a batch is sealed: the lines come together, not one by one.
pub(crate) struct ConsoleSink {
    out: Box<dyn Write + Send>,
}

impl ConsoleSink {
    pub(crate) fn new() -> Self {
        Self::on(Box::new(io::stderr()))
    }

    pub(super) fn on(out: Box<dyn Write + Send>) -> Self {
        Self { out }
    }
}

impl Sink for ConsoleSink {
    fn name(&self) -> &'static str {
        "console"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            let text: String = batch.events.iter().filter_map(line).collect();
            match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
                // Nobody reads any more: there is nobody left to show it to, now or later.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(_) if !receipts.is_empty() => break,
                Err(cause) => {
                    return Err(Error::new(ErrorCode::Storage, "standard error cannot be written").caused_by(cause));
                }
                Ok(()) => {}
            }
            receipts.push(Receipt { stored: batch.events.len() as u64, ..Receipt::default() });
        }
        Ok(receipts)
    }
}

/// `llmlab: gpt-5-mini  1482 in  645 out  $0.0016605  support-chat`. Steps have no line: they cost nothing.
fn line(event: &Event) -> Option<String> {
    let mut line = String::from("llmlab: ");
    match &event.facts.subject {
        Subject::Call(call) => describe_call(&mut line, call),
        Subject::Rollup(rollup) => describe_rollup(&mut line, rollup),
        Subject::Step(_) => return None,
    }
    let _ = write!(line, "  {}", cost(event.charge.as_ref()));
    if let Some(feature) = &event.attribution.feature {
        line.push_str("  ");
        push_visible(&mut line, feature);
    }
    match (event.facts.status, &event.facts.error_type) {
        (Status::Ok, _) => {}
        (status, None) => line.extend(["  ", status.as_str()]),
        (status, Some(error)) => {
            line.extend(["  ", status.as_str(), " "]);
            push_visible(&mut line, error);
        }
    }
    line.push('\n');
    Some(line)
}

fn describe_call(line: &mut String, call: &Call) {
    push_visible(line, call.model.as_deref().or(call.model_requested.as_deref()).unwrap_or("unknown model"));
    push_tokens(line, &call.usage);
}

fn describe_rollup(line: &mut String, rollup: &Rollup) {
    let _ = write!(line, "{} calls of ", rollup.tally.calls);
    push_visible(line, rollup.model.as_deref().unwrap_or("several models"));
    push_tokens(line, &rollup.usage);
}

fn push_tokens(line: &mut String, usage: &Usage) {
    for (dimension, word) in [(Dimension::Input, "in"), (Dimension::Output, "out")] {
        if let Some(count) = usage.get(dimension) {
            let _ = write!(line, "  {count} {word}");
        }
    }
}

/// Exact: this is where people look for fractions of a cent.
fn cost(charge: Option<&Charge>) -> String {
    match charge.and_then(|charge| Some((charge.total?, charge.state))) {
        None => "unpriced".to_owned(),
        Some((total, CostState::Estimated)) => format!("about ${total}"),
        Some((total, _)) => format!("${total}"),
    }
}

/// A name from the outside must not move the cursor or forge a line.
fn push_visible(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'..='\u{2029}')
        {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::event::Attribution;
    use crate::spool::testing::call;

    #[test]
    fn a_call_is_a_line_with_model_tokens_cost_and_feature() {
        let expected = "llmlab: gpt-5-2025-08-07  1482 in  645 out  $0.0116235  search\n";
        assert_eq!(line(&call(1)).as_deref(), Some(expected));
    }

    #[test]
    fn an_unknown_cost_is_said_and_not_shown_as_nothing() {
        let mut event = call(1);
        event.charge = event.charge.map(|charge| Charge { total: None, state: CostState::Unpriced, ..charge });
        event.facts.status = Status::Error;
        event.facts.error_type = Some("rate_limit".into());
        assert!(line(&event).unwrap().ends_with("  unpriced  search  error rate_limit\n"));
    }

    #[test]
    fn a_name_cannot_forge_a_line_or_move_the_cursor() {
        let mut event = call(1);
        let feature = Some("x\nllmlab: \u{1b}[2J\u{202e}\u{7}é".to_owned());
        event.attribution = Arc::new(Attribution { feature, ..Attribution::default() });
        let line = line(&event).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.ends_with("x\\u{a}llmlab: \\u{1b}[2J\\u{202e}\\u{7}é\n"), "{line}");
    }

    struct Broken(ErrorKind, Arc<Mutex<usize>>);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            *self.1.lock().unwrap() += 1;
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_cannot_take_more_is_tried_again_and_one_that_is_gone_is_not() {
        let deliver = |kind| {
            let tries = Arc::new(Mutex::new(0));
            let mut sink = ConsoleSink::on(Box::new(Broken(kind, Arc::clone(&tries))));
            let outcome = sink.deliver(&[Batch { events: vec![call(1)], ..Batch::default() }]);
            assert_eq!(*tries.lock().unwrap(), 1);
            outcome
        };
        assert!(deliver(ErrorKind::WouldBlock).is_err());
        assert!(deliver(ErrorKind::BrokenPipe).unwrap()[0].accounts_for(1));
    }
}
