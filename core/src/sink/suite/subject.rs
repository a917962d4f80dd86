//! A sink in the suite, and the place where its events end up.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::console::ConsoleSink;
use super::super::{Answer, Batch, Guarantee, Receipt, Remote, Sink, SinkSettings, Verdict, local, remote};
use super::server::Server;
use crate::event::{CostSource, Event, Subject as About};
use crate::ledger::{Filter, Ledger};

pub(super) struct Subject {
    pub(super) settings: SinkSettings,
    home: PathBuf,
    way: Way,
}

enum Way {
    Local(Box<dyn Sink>),
    Console(ConsoleSink, Terminal),
    Remote(Box<dyn Remote>, Server),
}

impl Subject {
    /// `None` for those of the application, which have no code of their own to test here.
    pub(super) fn new(settings: &SinkSettings, home: &Path) -> Option<Self> {
        let way = match settings {
            SinkSettings::Callback(_) | SinkSettings::Custom(_) => return None,
            SinkSettings::Console => {
                let terminal = Terminal::default();
                Way::Console(ConsoleSink::on(Box::new(terminal.clone())), terminal)
            }
            _ => match local(settings, home) {
                Some(sink) => Way::Local(sink),
                None => Way::Remote(remote(settings, home).unwrap(), Server::for_sink(settings)),
            },
        };
        Some(Self { settings: settings.clone(), home: home.to_owned(), way })
    }

    pub(super) fn guarantee(&self) -> Guarantee {
        match &self.way {
            Way::Local(sink) => sink.guarantee(),
            Way::Console(sink, _) => sink.guarantee(),
            Way::Remote(remote, _) => remote.guarantee(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match &self.way {
            Way::Local(sink) => sink.name(),
            Way::Console(sink, _) => sink.name(),
            Way::Remote(remote, _) => remote.name(),
        }
    }

    /// Once through, as the I/O thread does it. An error is whatever makes it try again later.
    pub(super) fn deliver(&mut self, batch: &Batch) -> Result<Receipt, String> {
        if matches!(self.settings, SinkSettings::Traces(_)) {
            // It tells of what the ledger holds, and is refused without one.
            Ledger::open(&Ledger::path_in(&self.home)).unwrap().ingest(std::slice::from_ref(batch)).unwrap();
        }
        let batches = std::slice::from_ref(batch);
        let receipts = match &mut self.way {
            Way::Remote(remote, server) => return request(remote.as_mut(), server, batch),
            Way::Local(sink) => sink.deliver(batches),
            Way::Console(sink, _) => sink.deliver(batches),
        };
        Ok(receipts.map_err(|error| error.to_string())?.remove(0))
    }

    /// Takes the destination away, or gives it back.
    pub(super) fn set_broken(&mut self, broken: bool) {
        match &mut self.way {
            Way::Console(_, terminal) => terminal.0.lock().unwrap().1 = broken,
            Way::Remote(_, server) => {
                server.trouble = broken.then(|| Answer { status: 503, ..Answer::default() });
            }
            Way::Local(_) => {
                // A folder in the place of the file: root may write to a file that is only marked as read-only.
                let path = match &self.settings {
                    SinkSettings::Jsonl { path, .. } => path.clone(),
                    _ => Ledger::path_in(&self.home),
                };
                if broken {
                    fs::create_dir_all(&path).unwrap();
                } else {
                    fs::remove_dir(&path).unwrap();
                }
            }
        }
    }

    /// Answers this to the next delivery; `None` where nobody answers.
    pub(super) fn verdict(&mut self, batch: &Batch, answer: &Answer) -> Option<Verdict> {
        match &self.way {
            Way::Remote(remote, _) => Some(remote.judge(batch, 0..batch.events.len(), answer, 0)),
            _ => None,
        }
    }

    /// The features of the events that arrived, which stand for them: not every destination has a place for an id.
    pub(super) fn arrived(&self) -> Vec<String> {
        match (&self.way, &self.settings) {
            (Way::Remote(_, server), _) => server.memory.features.clone(),
            (Way::Console(_, terminal), _) => {
                let shown = String::from_utf8(terminal.0.lock().unwrap().0.clone()).unwrap();
                shown.split_whitespace().filter(|word| word.starts_with("feature-")).map(str::to_owned).collect()
            }
            (_, SinkSettings::Jsonl { path, .. }) => {
                let lines = fs::read_to_string(path).unwrap();
                let event = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
                lines.lines().map(|line| event(line)["feature"].as_str().unwrap().to_owned()).collect()
            }
            _ => {
                let mut features = Vec::new();
                let mut ledger = Ledger::open(&Ledger::path_in(&self.home)).unwrap();
                let mut each = |event: Event| {
                    features.extend(event.attribution.feature.clone());
                    Ok(())
                };
                ledger.for_each_event(&Filter::default(), &mut each).unwrap();
                features
            }
        }
    }

    /// Whether the destination has a place for such an event. One that it has none for counts as stored.
    pub(super) fn tells_of(&self, event: &Event) -> bool {
        let is_step = matches!(event.facts.subject, About::Step(_));
        match self.settings {
            SinkSettings::Console => !is_step,
            SinkSettings::Track(..) => {
                !is_step && event.charge.is_some_and(|charge| charge.source != CostSource::NotBilled)
            }
            SinkSettings::Traces(_) => {
                is_step && event.attribution.trace_id.is_some() && event.attribution.parent_id.is_none()
            }
            _ => true,
        }
    }
}

fn request(remote: &mut dyn Remote, server: &mut Server, batch: &Batch) -> Result<Receipt, String> {
    let mut whole = Receipt::default();
    let mut next = 0;
    while next < batch.events.len() {
        let part = next..batch.events.len().min(next + remote.max_events());
        next = part.end;
        let Some(message) = remote.request(batch, part.clone()).map_err(|error| error.to_string())? else {
            whole.stored += part.len() as u64;
            continue;
        };
        assert!(message.url.starts_with(super::SERVER), "{} asks a stranger: {}", remote.name(), message.url);
        assert!(message.headers.iter().all(|(name, _)| !name.chars().any(char::is_uppercase)));
        match remote.judge(batch, part.clone(), &server.answer(&message), 0) {
            Verdict::Receipt(receipt) => {
                assert!(receipt.accounts_for(part.len()), "{} of {part:?}: {receipt:?}", remote.name());
                whole.stored += receipt.stored;
                whole.duplicates += receipt.duplicates;
                whole.rejected.extend(receipt.rejected);
            }
            other => return Err(format!("{other:?}")),
        }
    }
    Ok(whole)
}

/// What was written, and whether it can be written to.
#[derive(Clone, Default)]
pub(super) struct Terminal(Arc<Mutex<(Vec<u8>, bool)>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        if state.1 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
