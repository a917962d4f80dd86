//! Files of a line an event, in the form of docs/events.md.
//!
//! At least once: a process that is killed between writing a batch and saying so writes it again, and readers tell lines
//! apart by `id`. Several processes may write to one path: each takes the file's lock for a batch.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::lines::LinesFile;
use super::{Batch, Guarantee, Receipt, Sink};
use crate::error::{Error, ErrorCode, Result};
use crate::event::Event;

mod lines;

/// Appends to a file, and starts another when it is full.
pub(crate) struct JsonlSink {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
}

impl JsonlSink {
    pub(crate) fn new(path: &Path, max_bytes: u64, keep: u32) -> Self {
        Self { path: path.to_owned(), max_bytes, keep }
    }

    fn write(&self, batch: &Batch) -> io::Result<()> {
        let mut file = LinesFile::open(&self.path)?;
        let mut pending = Vec::new();
        for event in &batch.events {
            let line = line(event)?;
            let len = file.len + pending.len() as u64;
            if len > 0 && len + line.len() as u64 > self.max_bytes {
                file.append(&pending)?;
                pending.clear();
                file.sync()?;
                self.rotate()?;
                // The new file is locked before the old one is let go, so that nobody comes in between.
                file = LinesFile::open(&self.path)?;
            }
            pending.extend_from_slice(&line);
        }
        file.append(&pending)?;
        // The receipt takes the batch out of the spool: from here on this is the only copy.
        file.sync()
    }

    /// `events.jsonl` → `events.jsonl.1` → `events.jsonl.2`…; the oldest goes.
    fn rotate(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Sink for JsonlSink {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn deliver(&mut self, batches: &[Batch]) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            match self.write(batch) {
                Ok(()) => receipts.push(Receipt { stored: batch.events.len() as u64, ..Receipt::default() }),
                Err(_) if !receipts.is_empty() => break,
                Err(cause) => {
                    let message = format!("{} cannot be written", self.path.display());
                    return Err(Error::new(ErrorCode::Storage, message).caused_by(cause));
                }
            }
        }
        Ok(receipts)
    }
}

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
