"""The recordings: one case is one request to a real service, and what it answered.

They are not part of the project: ``LLMLAB_CORPUS`` names the folder that has them, by default ``../shared/corpus``
beside the repository.
"""

from __future__ import annotations

import importlib.util
import json
import os
from functools import cached_property
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit, urlunsplit

FOLDER = Path(os.environ.get("LLMLAB_CORPUS") or Path(__file__).parents[3] / ".." / "shared" / "corpus").resolve()
FILE = FOLDER / "corpus.jsonl"

FREE = ("count_tokens", "countTokens", "cachedContents", "moderations")
"""The operations that nobody charges for: they leave no event."""


class Case:
    """One recording."""

    def __init__(self, recorded: dict, port: int) -> None:
        self.recorded = recorded
        self.port = port
        self.id: str = recorded["id"]
        self.provider: str = recorded["provider"]
        self.api: str = recorded["api"]
        self.status: int = recorded["status"]
        self.streaming: bool = recorded["streaming"]
        self.tags: list[str] = recorded["tags"]
        self.model: str = recorded["model_requested"] or "none"

    @property
    def streams(self) -> bool:
        """An SDK hands out an iterator."""
        return self.streaming and self.status < 400

    @property
    def failed(self) -> bool:
        return self.status >= 400 or "error_in_200" in self.tags

    @property
    def free(self) -> bool:
        return self.api in FREE

    @cached_property
    def url(self) -> str:
        """Where it went: without TLS and on the port of the replay. A masked name gets one."""
        parts = urlsplit(self.recorded["request_url"].replace("<aws_region>", "us-east-1"))
        return urlunsplit(("http", f"{parts.hostname}:{self.port}", *parts[2:]))

    @property
    def origin(self) -> str:
        """The URL without a path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def base(self, end: str) -> str:
        """The URL before this end of its path."""
        path = urlsplit(self.url).path
        assert path.endswith(end), f"{self.id}: {path} does not end with {end}"
        return self.origin + path.removesuffix(end)

    @property
    def deployment(self) -> str:
        """What Azure goes by, whatever model the body names; else the model."""
        _, _, after = self.url.partition("/deployments/")
        return after.split("/")[0] or self.model

    @property
    def asked(self) -> dict:
        """The body of the request, or nothing where it was no JSON or is not recorded."""
        return dict(self.recorded["request_json"] or {})


def cases(port: int) -> list[Case]:
    with open(FILE, encoding="utf-8") as lines:
        return [Case(json.loads(line), port) for line in lines]


def replay_server() -> ModuleType:
    """The server that comes with the recordings."""
    spec = importlib.util.spec_from_file_location("replay_server", FOLDER / "replay_server.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
