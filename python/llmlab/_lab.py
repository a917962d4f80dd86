"""`LLMLab`, and the global one whose methods are the functions of the package."""

from __future__ import annotations

from llmlab import _native, _options
from llmlab._holder import Holder
from llmlab._lifecycle import Lifecycle
from llmlab._price import Pricer
from llmlab._record import Recorder
from llmlab._registrar import Registrar
from llmlab._scope import Scoper
from llmlab._summary import Asker
from llmlab._trace import Tracer
from llmlab._track import CostTracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import Any

    from llmlab._callbacks import Callbacks
    from llmlab._native import Client
    from llmlab._options import Sink


class LLMLab(Recorder, Scoper, CostTracker, Tracer, Pricer, Registrar, Asker, Lifecycle):
    """A client beside the global one, for several projects in one process.

    The options are those of `init`, and the methods are the functions of the package. A request to a provider belongs
    to the client of the innermost scope, its ``track``, ``@track_cost`` or ``@trace``, else to the global client. All
    clients of a process share one background thread; each project has a spool of its own. It may be used from any
    thread and task, and in forked children. `shutdown` ends it before the interpreter does.

    Raises:
        ConfigError: naming the option, its value and what would do.

    >>> import llmlab
    >>> shop = llmlab.LLMLab(project="shop")
    >>> with shop.track(feature="search") as t:
    ...     shop.track_call("openai", "gpt-4", 1000, 500)
    >>> t.cost
    Decimal('0.06')

    """

    __slots__ = ()

    def __init__(
        self,
        api_key: str | None = None,
        project: str | None = None,
        *,
        backend: str | Mapping[str, object] | None = None,
        sinks: Sequence[Sink] | None = None,
        environment: str | None = None,
        service: str | None = None,
        tags: Mapping[str, str] | None = None,
        prices: str | os.PathLike[str] | None = None,
        providers: str | os.PathLike[str] | None = None,
        models: Mapping[str, str] | None = None,
        hosts: Mapping[str, str] | None = None,
        stream_usage: str | None = None,
        durability: str | None = None,
        spool_max_bytes: int | None = None,
        spool_max_days: int | None = None,
        exit_flush: str | int | None = None,
    ) -> None:
        options = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__()
        self._hold(*_made(options, owns_scopes=True))


class _Global(LLMLab):
    """The client of those who make none. Its scopes own nothing: `init` may replace it inside of one."""

    __slots__ = ()

    def __init__(self) -> None:
        Holder.__init__(self)


lab = _Global()
client = lab._client


def init(
    api_key: str | None = None,
    project: str | None = None,
    *,
    backend: str | Mapping[str, object] | None = None,
    sinks: Sequence[Sink] | None = None,
    environment: str | None = None,
    service: str | None = None,
    tags: Mapping[str, str] | None = None,
    prices: str | os.PathLike[str] | None = None,
    providers: str | os.PathLike[str] | None = None,
    models: Mapping[str, str] | None = None,
    hosts: Mapping[str, str] | None = None,
    stream_usage: str | None = None,
    durability: str | None = None,
    spool_max_bytes: int | None = None,
    spool_max_days: int | None = None,
    exit_flush: str | int | None = None,
) -> None:
    """Starts llmlab: sets what is given here, and taps the HTTP clients that the program uses.

    Everything is optional. What is not given comes from the environment, ``LLMLAB_`` and the option in capitals, such
    as ``LLMLAB_PROJECT``, then from ``config.json`` in ``LLMLAB_HOME`` (default ``~/.llmlab``), then from the defaults.
    A second ``init`` replaces the first; what was recorded before is delivered. With ``LLMLAB_DISABLED=1`` nothing
    happens, here and everywhere.

    Starts no thread and opens no socket; tries whether the folder of the spool can be written to.

    Args:
        api_key: the key of the backend. It is never written to disk.
        project: the project that pays; ``default`` if not given.
        backend: the server that events go to: an address, or a mapping with ``url`` and ``protocol`` (``llmlab``,
            ``track``, ``events_track``, ``traces``), ``headers``, ``ca_file``, ``allow_insecure``.
        sinks: where events go: ``"ledger"``, ``"llmlab"`` (the backend), ``"console"``, ``"jsonl:PATH"``,
            ``"otlp:URL"``, mappings with a ``type`` and its options, and functions, which are called on a thread of
            their own with a list of events as in docs/events.md; ``("name", function)`` names one. A function that
            raises is given the events again later. By default the ledger, and the backend if there is one.
        environment: such as ``production``.
        service: the name of the application.
        tags: tags of every event.
        prices: a file of prices that go before the built-in ones.
        providers: a TOML file of providers, prices, names and hosts that llmlab does not know; see docs/providers.md.
        models: names such as deployments, and the models whose price they have: ``{"azure/my-deployment": "gpt-5"}``.
        hosts: hosts, and the providers that are reached there: ``{"llm.internal": "openai"}``. They hold for the
            process, not only for this client.
        stream_usage: ``auto`` asks a stream for its usage (``stream_options.include_usage``) where the provider tells
            none otherwise and is known to accept it, and takes out of the answer what that adds; ``never`` changes no
            request, and such streams are unpriced.
        durability: ``process``, an event survives the death of the process, or ``fsync``, that of the machine, too.
        spool_max_bytes: bytes that may wait for a sink before the oldest are folded into totals; 256 MiB by default.
        spool_max_days: days that events may wait before they are folded into totals; 30 by default.
        exit_flush: how long the exit waits for deliveries: ``auto``, ``off`` or milliseconds.

    Raises:
        ConfigError: naming the option, its value and what would do; also where the spool cannot be written to or is
            somebody else's.

    >>> import llmlab
    >>> llmlab.init(project="shop", environment="test", tags={"team": "search"})

    """
    lab._hold(*_made(dict(locals()), owns_scopes=False))
    from llmlab._instrument import instrument

    instrument()


def _made(options: dict[str, Any], *, owns_scopes: bool) -> tuple[Client, Callbacks | None]:
    json, functions = _options.read(options)
    if not functions:
        return _native.Client(json, owns_scopes, None), None
    from llmlab._callbacks import Callbacks

    callbacks = Callbacks(functions)
    made = _native.Client(json, owns_scopes, callbacks.start)
    callbacks.serve(made)
    return made, callbacks
