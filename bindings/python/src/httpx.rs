//! The requests and responses of httpx and its kin, read with as few of Python's frames as may be.
//!
//! Some public attributes are properties that build a list or a text at each reading. What these are built from is read in
//! their place where it is there, and else the attribute itself.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyString;

use llmlab::exchange::Request;

use crate::client::Client;
use crate::exchange::Exchange;
use crate::scope::Scope;

/// Begins an exchange with a request that is about to be sent, within a scope; `None` if it is none of a provider.
#[pyfunction]
pub(crate) fn begin_httpx(
    client: &Bound<'_, Client>,
    request: &Bound<'_, PyAny>,
    scope: Option<&Bound<'_, Scope>>,
) -> PyResult<Option<Exchange>> {
    let py = request.py();
    let method = request.getattr(intern!(py, "method"))?;
    let url = request.getattr(intern!(py, "url"))?;
    let url = url_of(&url)?;
    // An upload that is streamed has no content.
    let content = either(request, intern!(py, "_content"), intern!(py, "content")).ok();
    let form = if content.is_none() { form_of(request).unwrap_or_default() } else { Vec::new() };
    let body = content.as_ref().and_then(|content| content.extract::<&[u8]>().ok()).unwrap_or(&form);
    let request_made = Request { method: method.extract()?, url: &url, body };
    client.get().begin_with(&request_made, scope, || headers_of(request))
}

/// The fields of a form that is about to be streamed; of its files, the heads.
fn form_of(request: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let py = request.py();
    let mut form = Vec::new();
    for field in request.getattr(intern!(py, "stream"))?.getattr(intern!(py, "fields"))?.try_iter()? {
        let field = field?;
        form.extend_from_slice(b"--\r\n");
        form.extend_from_slice(field.call_method0(intern!(py, "render_headers"))?.extract()?);
        if !field.hasattr(intern!(py, "file"))? {
            form.extend_from_slice(field.call_method0(intern!(py, "render_data"))?.extract()?);
        }
        form.extend_from_slice(b"\r\n");
    }
    Ok(form)
}

/// Shows an exchange the head of its response, and the body where the client has read it; its stream is replaced by one
/// of `stream_class` where it has not. Gives what the user should be told.
#[pyfunction]
pub(crate) fn observe_httpx(
    exchange: &Bound<'_, Exchange>,
    response: &Bound<'_, PyAny>,
    stream_class: &Bound<'_, PyAny>,
) -> PyResult<Vec<String>> {
    let py = response.py();
    let status = response.getattr(intern!(py, "status_code"))?.extract()?;
    let headers = headers_of(response)?;
    if response.getattr(intern!(py, "is_stream_consumed"))?.is_truthy()? {
        // It is decoded.
        let content = either(response, intern!(py, "_content"), intern!(py, "content"))?;
        return Ok(exchange.get().answered(status, &headers, content.extract::<PyBackedBytes>()?));
    }
    exchange.get().head(status, &headers);
    let stream = response.getattr(intern!(py, "stream"))?;
    response.setattr(intern!(py, "stream"), stream_class.call1((stream, exchange))?)?;
    Ok(Vec::new())
}

/// The text of a URL, which the public attributes assemble from these parts.
type Parts<'py> =
    (PyBackedStr, Bound<'py, PyAny>, PyBackedStr, Option<u16>, PyBackedStr, Option<PyBackedStr>, Bound<'py, PyAny>);

fn url_of(url: &Bound<'_, PyAny>) -> PyResult<String> {
    let parts = url.getattr_opt(intern!(url.py(), "_uri_reference"))?;
    let Some(parts) = parts.and_then(|parts| parts.extract::<Parts<'_>>().ok()) else {
        return url.str()?.extract();
    };
    let (scheme, _, host, port, path, query, _) = parts;
    let mut text = String::with_capacity(128);
    let is_v6 = host.contains(':');
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = query.as_ref();
    for part in [
        &*scheme,
        "://",
        if is_v6 { "[" } else { "" },
        &host,
        if is_v6 { "]" } else { "" },
        &port,
        &path,
        query.map_or("", |_| "?"),
        query.map_or("", |query| query),
    ] {
        text.push_str(part);
    }
    Ok(text)
}

fn headers_of<'py>(message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = message.py();
    either(&message.getattr(intern!(py, "headers"))?, intern!(py, "_list"), intern!(py, "raw"))
}

fn either<'py>(
    object: &Bound<'py, PyAny>,
    inner: &Bound<'py, PyString>,
    public: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    object.getattr_opt(inner)?.map_or_else(|| object.getattr(public), Ok)
}
