//! Python values as the core's, with errors that name what is wrong.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString, PyType};

use llmlab::{Dimension, Error, ErrorCode, Money, Result, Usage, moment};

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// An amount as `decimal.Decimal`, exactly.
pub(crate) fn decimal(py: Python<'_>, amount: Money) -> PyResult<Bound<'_, PyAny>> {
    DECIMAL.import(py, "decimal", "Decimal")?.call1((amount.to_string(),))
}

/// Counts by the names of the inclusive vocabulary.
pub(crate) fn counts<'py>(py: Python<'py>, usage: &Usage) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(py);
    for (dimension, count) in usage.iter() {
        counts.set_item(dimension.name(), count)?;
    }
    Ok(counts)
}

/// What a message shows of a value.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> String {
    const MAX_SHOWN_CHARS: usize = 80;
    let text = value.repr().map_or_else(
        |_| "something without a repr".to_owned(),
        |repr| {
            // Not by `Display`, which prints what goes wrong on the host's standard error.
            repr.to_string_lossy().into_owned()
        },
    );
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn wrong(code: ErrorCode, name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> Error {
    Error::new(code, format!("{name} must be {wanted}, got {}", shown(value)))
}

/// A count; `None` is absent. Anything with `__index__` will do, but not a bool, which is always a mistake.
pub(crate) fn count(name: &str, value: &Bound<'_, PyAny>) -> Result<Option<u64>> {
    if value.is_none() {
        return Ok(None);
    }
    let number = if value.is_instance_of::<PyBool>() { None } else { value.extract::<u64>().ok() };
    number.map(Some).ok_or_else(|| wrong(ErrorCode::InvalidUsage, name, "a non-negative integer", value))
}

/// Counts by the names of the inclusive vocabulary, and the two that have arguments of their own.
pub(crate) fn usage(
    counts: Option<&Bound<'_, PyAny>>,
    input_tokens: Option<&Bound<'_, PyAny>>,
    output_tokens: Option<&Bound<'_, PyAny>>,
) -> Result<Usage> {
    let mut usage = Usage::new();
    if let Some(counts) = counts {
        read_counts(counts, &mut usage)?;
    }
    let arguments =
        [(Dimension::Input, "input_tokens", input_tokens), (Dimension::Output, "output_tokens", output_tokens)];
    for (dimension, name, value) in arguments {
        let Some(number) = value.map(|value| count(name, value)).transpose()?.flatten() else { continue };
        if let Some(other) = usage.get(dimension).filter(|&other| other != number) {
            let message = format!("{name} is {number} but usage says {} {other}; give one of them", dimension.name());
            return Err(Error::new(ErrorCode::InvalidUsage, message));
        }
        usage.set(dimension, number);
    }
    Ok(usage)
}

fn read_counts(counts: &Bound<'_, PyAny>, usage: &mut Usage) -> Result<()> {
    let not_a_mapping = || wrong(ErrorCode::InvalidUsage, "usage", "a mapping of counts", counts);
    if let Ok(dict) = counts.cast::<PyDict>() {
        return dict.iter().try_for_each(|(name, value)| read_count(&name, &value, usage));
    }
    let items = counts.cast::<PyMapping>().map_err(|_| not_a_mapping())?.items().map_err(|_| not_a_mapping())?;
    items.iter().try_for_each(|item| {
        let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(|_| not_a_mapping())?;
        read_count(&name, &value, usage)
    })
}

fn read_count(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, usage: &mut Usage) -> Result<()> {
    let dimension = name.cast::<PyString>().ok().and_then(|name| Dimension::from_name(&name.to_string_lossy()));
    let Some(dimension) = dimension else {
        let known = Dimension::known_names();
        let message = format!("unknown usage dimension {}; known are {known}", shown(name));
        return Err(Error::new(ErrorCode::InvalidUsage, message));
    };
    usage.set_if(dimension, count(dimension.name(), value)?);
    Ok(())
}

/// A moment in nanoseconds since 1970: an aware `datetime`, or RFC 3339 text.
pub(crate) fn unix_ns(name: &str, value: &Bound<'_, PyAny>) -> Result<i64> {
    let wanted = "an aware datetime or an RFC 3339 text such as '2026-11-19T18:22:46Z'";
    let refused = || wrong(ErrorCode::InvalidTime, name, wanted, value);
    if let Ok(text) = value.cast::<PyString>() {
        return moment::parse_rfc3339(&text.to_string_lossy());
    }
    let py = value.py();
    let class = DATETIME.import(py, "datetime", "datetime").map_err(|_| refused())?;
    if !value.is_instance(class).unwrap_or(false)
        || value.call_method0("utcoffset").is_ok_and(|offset| offset.is_none())
    {
        return Err(refused());
    }
    let text: String = value.call_method0("isoformat").and_then(|text| text.extract()).map_err(|_| refused())?;
    moment::parse_rfc3339(&text)
}

/// An amount that the host gives. A float counts as its shortest decimal form, the digits that Python shows for it.
pub(crate) fn money(name: &str, value: &Bound<'_, PyAny>) -> Result<Money> {
    let refused = || wrong(ErrorCode::InvalidMoney, name, "a non-negative Decimal, int, float or decimal text", value);
    let text = if value.is_instance_of::<PyBool>() {
        return Err(refused());
    } else if let Ok(number) = value.cast::<PyFloat>() {
        number.value().to_string()
    } else if let Ok(text) = value.cast::<PyString>() {
        text.to_string_lossy().into_owned()
    } else if value.is_instance_of::<PyInt>() {
        value.str().map_err(|_| refused())?.to_string_lossy().into_owned()
    } else {
        let py = value.py();
        let class = DECIMAL.import(py, "decimal", "Decimal").map_err(|_| refused())?;
        if !value.is_instance(class).unwrap_or(false) {
            return Err(refused());
        }
        let text = value.call_method1("__format__", ("f",)).and_then(|text| text.str()).map_err(|_| refused())?;
        text.to_string_lossy().into_owned()
    };
    text.parse::<Money>().ok().filter(|amount| *amount >= Money::ZERO).ok_or_else(refused)
}

/// A label: text as it is, anything else as Python's `str` shows it (numbers, UUIDs).
pub(crate) fn label(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    match value {
        Some(value) if !value.is_none() => Ok(Some(value.str()?.to_string_lossy().into_owned())),
        _ => Ok(None),
    }
}
