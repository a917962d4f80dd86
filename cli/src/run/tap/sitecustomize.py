"""Taps this interpreter for `llmlab run`, and leaves no other trace.

`llmlab run` puts the directory of this file first in PYTHONPATH, so that `site` imports it as `sitecustomize` at the
start of every Python process. It makes way for the sitecustomize that the process would have had without it, and lets
llmlab wait for the HTTP clients that the program imports; it imports none itself. A failure of ours never stops the
program. Not run under `python -S`, `-I` and `-E`: nothing is captured there.

Any Python may start under the command, also one too old for llmlab: the syntax is that of all of them.
"""

import errno
import os
import sys


def _tap():
    try:
        if sys.version_info < (3, 10):
            raise ImportError("llmlab needs Python 3.10 or newer")
        import llmlab

        llmlab.instrument()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of the native part is no Exception
        if _note("untapped"):
            _say(error)
    else:
        _note("tapped-python")


def _note(name):
    """Leaves a word for `llmlab run`; False if another process of the run left it before."""
    folder = os.environ.get("LLMLAB_RUN_NOTES")
    if not folder:
        return True
    try:
        note = os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        return error.errno != errno.EEXIST
    os.write(note, os.fsencode(sys.executable or "python") if sys.version_info >= (3, 2) else sys.executable)
    os.close(note)
    return True


def _say(error):
    python = sys.executable or "python"
    if sys.version_info < (3, 10):
        line = "llmlab: %s is too old for llmlab; use Python 3.10 or newer" % python
    elif isinstance(error, ImportError) and error.name == "llmlab":
        line = "llmlab: %s cannot import llmlab; run: %s -m pip install llmlab" % (python, python)
    else:
        cause = " ".join(("%s: %s" % (type(error).__name__, error)).split())
        line = "llmlab: %s cannot use llmlab (%s); run: %s -m pip install --force-reinstall llmlab" % (
            python,
            cause,
            python,
        )
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except Exception:
        pass  # no standard error, nobody to tell


_here = os.path.dirname(__file__)
sys.path[:] = [entry for entry in sys.path if entry != _here]
sys.path_importer_cache.pop(_here, None)
# Where there is no other one, the error of this import is what `site` expects of an interpreter without any.
sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
finally:
    try:
        _tap()
    except Exception:
        pass
