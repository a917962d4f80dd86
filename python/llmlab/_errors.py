"""The errors that llmlab raises, where it may raise at all."""

from __future__ import annotations

from llmlab import _guard


class LlmlabError(Exception):
    """An error of llmlab: a message that names the value and the fix, and a ``code`` that never changes.

    Raised by ``init``, ``cost``, ``models``, ``read_usage``, ``summary``, ``set_price``, ``set_model`` and
    ``register_provider`` only. What records never raises.
    """

    code: str
    """A stable word, such as ``invalid_usage``; the same in every language."""

    def __init__(self, message: str, code: str = "internal") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[LlmlabError], tuple[str, str]]:
        return type(self), (str(self), self.code)


class ConfigError(LlmlabError):
    """An option, a config file or a price file that cannot be used."""


def misasked(question: str, error: Exception) -> LlmlabError:
    """An error of a question, or what it stands for where Python refused an argument before the core saw it."""
    if isinstance(error, LlmlabError):
        return error
    return LlmlabError(f"an argument of {question} cannot be read: {_guard.told(error)}", "invalid_usage")
