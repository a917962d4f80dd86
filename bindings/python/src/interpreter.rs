//! The one interpreter in which this library can live.

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Refuses every interpreter of a process but the first. pyo3 keeps types and modules in statics, which would reach from
/// one interpreter into the other; it checks that for submodules only.
#[expect(unsafe_code, reason = "Python tells its interpreters apart by these two functions alone")]
pub(crate) fn refuse_others() -> PyResult<()> {
    // SAFETY: a module is initialised by a thread that is attached to an interpreter, which is all that they ask for.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if id == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "llmlab works in the main interpreter of a process only, and this is a subinterpreter; import it in the main one \
         (under mod_wsgi: WSGIApplicationGroup %{GLOBAL})",
    ))
}
