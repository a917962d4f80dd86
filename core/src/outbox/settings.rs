//! What the user may decide about the way out: plain data, which `config` fills.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::sink::SinkSettings;

/// What an event survives once it is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The death of the process, at a microsecond an event. A loss of power costs the last seconds.
    #[default]
    Process,
    /// A loss of power as well, at a few milliseconds an event.
    Fsync,
}

impl Durability {
    /// The word in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Fsync => "fsync",
        }
    }
}

/// How long an exit may wait for what is not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitFlush {
    /// 250 ms; up to a second for servers where the disk dies with the process, as in a container.
    #[default]
    Auto,
    /// Not at all: the next process delivers it.
    Off,
    /// So many milliseconds.
    Ms(u64),
}

/// The settings of one outbox.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where the events go; each sink has them all.
    pub sinks: Vec<SinkSettings>,
    /// What an event survives.
    pub durability: Durability,
    /// Bytes that may wait for one sink. Beyond, the oldest are folded into totals a day.
    pub spool_max_bytes: u64,
    /// Days that an event may wait. Beyond, it is folded into totals a day.
    pub spool_max_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sinks: vec![SinkSettings::Ledger],
            durability: Durability::default(),
            spool_max_bytes: 256 * 1024 * 1024,
            spool_max_days: 30,
        }
    }
}

/// As in configuration: a word, or milliseconds.
impl fmt::Display for ExitFlush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Off => f.pad("off"),
            Self::Ms(limit) => write!(f, "{limit}"),
        }
    }
}

impl ExitFlush {
    /// How long to wait for the sinks on this machine, and how long for all of them. `is_disk_lost`: the disk is lost with
    /// the process, so that what a server does not have at the exit it never gets.
    pub const fn limits(self, is_disk_lost: bool) -> (Duration, Duration) {
        const SHORT: Duration = Duration::from_millis(250);
        match self {
            Self::Auto if is_disk_lost => (SHORT, Duration::from_secs(1)),
            Self::Auto => (SHORT, SHORT),
            Self::Off => (Duration::ZERO, Duration::ZERO),
            Self::Ms(limit) => (Duration::from_millis(limit), Duration::from_millis(limit)),
        }
    }
}

/// The home lies in the memory or in the topmost layer of a container, which nobody sees again when that is gone.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_lost_with_the_machine(home: &Path) -> bool {
    use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
    statfs(home).is_ok_and(|facts| [OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC].contains(&facts.filesystem_type()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const fn is_lost_with_the_machine(_home: &Path) -> bool {
    false
}
