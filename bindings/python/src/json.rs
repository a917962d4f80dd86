//! A Python object as the JSON that the core's readers read: dicts and lists of plain values, and pydantic models, which
//! SDK responses are, by their wire names.
//!
//! Only what a reader may need crosses: no nulls, which say as much as absence, no long texts, because names and ids are
//! short, and nothing of what was said.

use std::io::Write;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use llmlab::exchange::UNREAD_MEMBERS;

const MAX_DEPTH: usize = 64;
const MAX_TEXT_BYTES: usize = 512;

/// The JSON of a response that a host holds; `None` if it has no form that could be one.
pub(crate) fn body_of(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    if value.is_instance_of::<PyDict>() {
        let mut out = Vec::with_capacity(1_024);
        write(value, &mut out, 0)?;
        return Some(out);
    }
    dump(value)
}

/// A list or tuple of responses.
pub(crate) fn items_of<'py>(value: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    match value.cast::<PyList>() {
        Ok(list) => Some(list.iter().collect()),
        Err(_) => value.cast::<PyTuple>().ok().map(|tuple| tuple.iter().collect()),
    }
}

/// A pydantic model, by its serializer: `model_dump_json` would do, but warns about values that are not of the declared
/// type, in the host's name. What only looks like a model (a mock) gives no bytes and is none.
fn dump(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let py = value.py();
    if let Ok(serializer) = value.get_type().getattr(intern!(py, "__pydantic_serializer__")) {
        static OPTIONS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let options = || {
            let options = PyDict::new(py);
            options.set_item("by_alias", true)?;
            options.set_item("exclude", PySet::new(py, UNREAD_MEMBERS)?)?;
            options.set_item("exclude_none", true)?;
            options.set_item("warnings", false)?;
            PyResult::Ok(options.unbind())
        };
        let options = OPTIONS.get_or_try_init(py, options).ok()?.bind(py);
        let json = serializer.call_method(intern!(py, "to_json"), (value,), Some(options)).ok()?;
        return Some(json.cast::<PyBytes>().ok()?.as_bytes().to_vec());
    }
    // `json` is pydantic 1's, which the class's fields tell: HTTP responses have a method of that name that reads the body.
    let class = value.get_type();
    for (mark, method) in [("model_dump_json", "model_dump_json"), ("__fields__", "json")] {
        if class.hasattr(mark).unwrap_or(false)
            && let Ok(json) = value.call_method0(method)
            && let Ok(json) = json.cast::<PyString>()
        {
            return Some(json.to_string_lossy().into_owned().into_bytes());
        }
    }
    None
}

fn write(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    if value.is_none() {
        out.extend_from_slice(b"null");
    } else if let Ok(text) = value.cast::<PyString>() {
        write_text(&text.to_string_lossy(), out)?;
    } else if let Ok(flag) = value.cast::<PyBool>() {
        out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
    } else if let Ok(number) = value.cast::<PyInt>() {
        write_number(number, out)?;
    } else if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        if number.is_finite() { write!(out, "{number}").ok()? } else { out.extend_from_slice(b"null") }
    } else if let Ok(dict) = value.cast::<PyDict>() {
        write_dict(dict, out, depth)?;
    } else if let Some(items) = items_of(value) {
        out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(item, out, depth + 1)?;
        }
        out.push(b']');
    } else if let Some(json) = dump(value) {
        out.extend_from_slice(&json);
    } else {
        out.extend_from_slice(b"null");
    }
    Some(())
}

fn write_number(number: &Bound<'_, PyInt>, out: &mut Vec<u8>) -> Option<()> {
    match number.extract::<i64>() {
        Ok(small) => serde_json::to_writer(out, &small).ok(),
        Err(_) => write!(out, "{}", number.str().ok()?.to_string_lossy()).ok(),
    }
}

fn write_dict(dict: &Bound<'_, PyDict>, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    out.push(b'{');
    let mut first = true;
    for (name, value) in dict.iter() {
        let Ok(name) = name.cast::<PyString>() else { continue };
        let name = name.to_string_lossy();
        if value.is_none() || UNREAD_MEMBERS.contains(&&*name) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_text(&name, out)?;
        out.push(b':');
        write(&value, out, depth + 1)?;
    }
    out.push(b'}');
    Some(())
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(out, if text.len() > MAX_TEXT_BYTES { "" } else { text }).ok()
}
