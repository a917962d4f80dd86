"""What your LLM calls cost, to the last fraction of a cent.

Importing it does nothing: no thread, no socket, no file. ``llmlab run python app.py`` or `init` taps the HTTP clients
of the program; `track_cost` and `track` say for whom the calls are made; ``llmlab status`` shows what they cost.

>>> import llmlab
>>> llmlab.init()
>>> with llmlab.track(feature="search") as t:
...     llmlab.track_call("openai", "gpt-4", 1000, 500)
>>> t.cost
Decimal('0.06')

Nothing here raises into the program except `init` on a configuration that cannot be used, and the questions (`cost`,
`models`, `read_usage`, `summary`) on arguments that make no sense. All of it may be used from any thread and task. A
forked child gets a client of its own by itself.
"""

from __future__ import annotations

from llmlab._client import flush, init, shutdown, stats
from llmlab._errors import ConfigError, LlmlabError
from llmlab._instrument import instrument, uninstrument
from llmlab._native import __version__
from llmlab._price import cost, models, read_usage
from llmlab._record import record_response, track_call
from llmlab._scope import track
from llmlab._summary import summary
from llmlab._trace import trace
from llmlab._track import track_cost

__all__ = [
    "ConfigError",
    "LlmlabError",
    "__version__",
    "cost",
    "flush",
    "init",
    "instrument",
    "models",
    "read_usage",
    "record_response",
    "shutdown",
    "stats",
    "summary",
    "trace",
    "track",
    "track_call",
    "track_cost",
    "uninstrument",
]
