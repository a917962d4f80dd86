//! Headers as HTTP clients hold them: tuples of texts or of bytes, in any iterable. The first of a tuple is the name and
//! the last is the value; httpx keeps the name in lower case between them.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use llmlab::exchange::Header;

/// A name or a value. Headers that are no text are none of ours.
enum Text<'py> {
    Bytes(Bound<'py, PyBytes>),
    Str(Bound<'py, PyString>),
}

impl<'py> Text<'py> {
    fn of(value: Bound<'py, PyAny>) -> Option<Self> {
        match value.cast_into::<PyBytes>() {
            Ok(bytes) => Some(Self::Bytes(bytes)),
            Err(other) => other.into_inner().cast_into().ok().map(Self::Str),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Str(text) => text.to_str().unwrap_or_default().as_bytes(),
        }
    }
}

/// Hands over what can be read of the headers.
pub(crate) fn read(headers: &Bound<'_, PyAny>, take: impl FnOnce(&mut dyn Iterator<Item = Header<'_>>)) {
    let pairs: Vec<_> = headers.try_iter().into_iter().flatten().filter_map(pair).collect();
    take(&mut pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
}

fn pair(item: PyResult<Bound<'_, PyAny>>) -> Option<(Text<'_>, Text<'_>)> {
    let tuple = item.ok()?.cast_into::<PyTuple>().ok()?;
    let last = tuple.len().checked_sub(1).filter(|&last| last > 0)?;
    Some((Text::of(tuple.get_item(0).ok()?)?, Text::of(tuple.get_item(last).ok()?)?))
}
