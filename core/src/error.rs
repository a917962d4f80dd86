//! The one error of the library: a stable code, and a message that names the value and the fix.

use std::fmt;

/// What went wrong, as a stable word that crosses the language boundary unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An option or a config file that cannot be used.
    InvalidConfig,
    /// A price file that cannot be used.
    InvalidPrices,
    /// Text that is no amount of money.
    InvalidMoney,
    /// Token counts that contradict each other or are no counts.
    InvalidUsage,
    /// Text that is no moment in time.
    InvalidTime,
    /// A provider that the catalogue does not know, where the caller asked for strictness.
    UnknownProvider,
    /// The home, the spool or the ledger cannot be read or written.
    Storage,
    /// A server that was asked for something did not give it.
    Unreachable,
}

impl ErrorCode {
    /// The code as it appears in Python, JavaScript and `--json` output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidConfig => "invalid_config",
            Self::InvalidPrices => "invalid_prices",
            Self::InvalidMoney => "invalid_money",
            Self::InvalidUsage => "invalid_usage",
            Self::InvalidTime => "invalid_time",
            Self::UnknownProvider => "unknown_provider",
            Self::Storage => "storage",
            Self::Unreachable => "unreachable",
        }
    }
}

/// An error with a stable [`ErrorCode`]. Messages are lower case, without a full stop, and name the value and the fix.
#[derive(Debug)]
pub struct Error {
    code: ErrorCode,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of our own finding.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    /// Keeps the error that caused this one; its text is part of ours.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// For parameters that take a value or what may become one.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// The result of everything here that may fail.
pub type Result<T> = std::result::Result<T, Error>;
