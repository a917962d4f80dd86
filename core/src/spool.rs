//! The files in which events wait: one folder a project, one writer a file, one name of that file a destination.
//!
//! The promise is that an event whose frame was written survives the death of the process. It rests on three rules: a
//! frame can be found again without anything before it, the name of a file is its state, and the lock on a writer's file
//! tells whether the writer lives.
//!
//! ```text
//! <home>/spool/<project>/
//!     <writer>.writer                         one a living engine, locked for its whole life; its drop counters
//!     <writer>.counters                       those of a dead one
//!     <writer>-<n>.open                       being written
//!     <destination>/<writer>-<n>.ready        complete; a hard link a destination
//!     <destination>/<writer>-<n>.fold         sums in the place of segments that were too many
//!     <destination>/<writer>-<n>.seen         an empty mark: the destination may have some of that segment
//!     <destination>/<writer>-<n>.kept         delivered, but something in it could not be read
//!     <destination>/dead.jsonl                events that the destination will never take; dead.1.jsonl, those before
//!     <destination>/lane                      its time of change in the future: nobody try before; its lock: who adopts
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::event::Event;

mod codec;
mod counters;
mod disk;
mod field;
mod frame;
mod header;
mod name;
mod orphans;
mod project;
mod queue;
mod scan;
mod seal;
mod segment;
mod sources;
mod status;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

#[cfg(test)]
pub(crate) use disk::Facts;
pub(crate) use disk::{Disk, DiskFile, Lock as FileLock, RealDisk, home_folder, private_file};
pub(crate) use header::Header;
pub(crate) use name::SegmentName;
#[cfg(test)]
pub(crate) use queue::Folded;
pub(crate) use queue::{Bounds, Folding, Queue};
pub(crate) use scan::Content;
pub(crate) use segment::{Sealed, Segment, SyncHandle};
pub use status::{ProjectSpool, Waiting, status};
pub use verify::{Verified, verify};
pub(crate) use writer::{Spool, Unbegun};

use disk::{not_writable, private_folder};
use project::Project;

/// Makes the folders and a file in them, and removes the file.
///
/// # Errors
/// If events could not be spooled there.
pub(crate) fn check(home: &Path) -> Result<()> {
    home_folder(home)?;
    let folder = home.join(SPOOL);
    private_folder(&folder)?;
    let probe = folder.join(format!("probe-{}.new", std::process::id()));
    let made = private_file().write(true).create(true).truncate(true).open(&probe);
    made.map_err(|cause| not_writable(&folder, cause))?;
    std::fs::remove_file(&probe).map_err(|cause| not_writable(&folder, cause))
}

const SPOOL: &str = "spool";
/// The destination of segments that name none.
const LEDGER: &str = "ledger";

/// The queue of one destination in every project that has one, or has segments of version 0.1, which all went to the ledger.
pub(crate) fn queues(home: &Path, destination: &str) -> Vec<Queue> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    Project::all(&disk, home).into_iter().map(|project| Queue::of(project, destination)).collect()
}

/// Writes the frame of an event into `out`, replacing what it held. `false` if the event is too long for a frame.
pub(crate) fn encode(event: &Event, out: &mut Vec<u8>) -> bool {
    frame::write(out, frame::KIND_EVENT, |out| codec::encode(event, out))
}
