"""The ``llmlab`` command: ``llmlab …`` and ``python -m llmlab …`` are the same."""

from __future__ import annotations

import signal
import sys

from llmlab import _native


def main() -> int:
    """Runs the command with the arguments of this process and returns the exit code."""
    # The command is native: Python would only note Ctrl-C and act on it after the command's end. Where a shell ignores
    # SIGINT (a job in the background), the program that is run must inherit that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli(["llmlab", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
