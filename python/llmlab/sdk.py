"""The public functions under the name of the original specification.

>>> from llmlab import sdk
>>> sdk.init("key")
>>> sdk.track_call("openai", "gpt-4", 1000, 500)
"""

from __future__ import annotations

from llmlab import flush, init, shutdown, stats, track, track_call, track_cost

__all__ = ["flush", "init", "shutdown", "stats", "track", "track_call", "track_cost"]
