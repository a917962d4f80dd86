"""What your LLM calls cost, to the last fraction of a cent.

Importing it does nothing: no thread, no socket, no file. ``llmlab run python app.py`` or `init` taps the HTTP clients
of the program; `track_cost` and `track` say for whom the calls are made; ``llmlab status`` shows what they cost.

>>> import llmlab
>>> llmlab.init()
>>> with llmlab.track(feature="search") as t:
...     llmlab.track_call("openai", "gpt-4", 1000, 500)
>>> t.cost
Decimal('0.06')

Nothing here raises into the program except `init` and `LLMLab` on a configuration that cannot be used, and the
questions (`cost`, `models`, `read_usage`, `summary`) and what sets something (`set_price`, `set_model`,
`register_provider`) on arguments that make no sense. All of it may be used from any
thread and task. A forked child records for itself.
"""

from __future__ import annotations

from llmlab._errors import ConfigError, LlmlabError
from llmlab._instrument import instrument, uninstrument
from llmlab._lab import LLMLab, init
from llmlab._lab import lab as _global
from llmlab._native import __version__

cost = _global.cost
flush = _global.flush
models = _global.models
read_usage = _global.read_usage
record_response = _global.record_response
register_provider = _global.register_provider
set_model = _global.set_model
set_price = _global.set_price
shutdown = _global.shutdown
stats = _global.stats
summary = _global.summary
trace = _global.trace
track = _global.track
track_call = _global.track_call
track_cost = _global.track_cost

__all__ = [
    "ConfigError",
    "LLMLab",
    "LlmlabError",
    "__version__",
    "cost",
    "flush",
    "init",
    "instrument",
    "models",
    "read_usage",
    "record_response",
    "register_provider",
    "set_model",
    "set_price",
    "shutdown",
    "stats",
    "summary",
    "trace",
    "track",
    "track_call",
    "track_cost",
    "uninstrument",
]
