"""Real servers on loopback, each from a virtual environment of its own, stopped when the test ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_LIMIT_S = 120
STOP_LIMIT_S = 10


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_until(condition, limit_s: float, what: str):
    """The first true value of the condition. Asked again and again: none of these servers tells when it is done."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError(f"no {what} within {limit_s} s")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def running(name: str, command: list, folder: Path, ready: str, **environment: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=os.environ | environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(lambda: process.poll() is not None or answers(ready), START_LIMIT_S, f"{name}, see {log}")
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}, see {log}")
            yield
        finally:
            # The group is the process we started and its workers.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def phoenix(venv: Path, folder: Path, **environment: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        "phoenix",
        [venv / "bin/phoenix", "serve"],
        folder,
        f"{url}/healthz",
        PHOENIX_WORKING_DIR=str(folder),
        PHOENIX_HOST="127.0.0.1",
        PHOENIX_PORT=str(port),
        PHOENIX_GRPC_PORT=str(free_port()),
        PHOENIX_TELEMETRY_ENABLED="false",
        PHOENIX_ALLOW_EXTERNAL_RESOURCES="false",
        **environment,
    ):
        yield url


@contextmanager
def mlflow(venv: Path, folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [venv / "bin/mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", 1]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"]
    with running(
        "mlflow",
        command,
        folder,
        f"{url}/health",
        PATH=f"{venv}/bin:{os.environ['PATH']}",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        MLFLOW_DISABLE_TELEMETRY="true",
        DO_NOT_TRACK="true",
    ):
        yield url


@contextmanager
def rotel(venv: Path, folder: Path, forward_to: str) -> Iterator[str]:
    """A collector, which relays to another server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    [agent] = venv.glob("lib/python*/site-packages/rotel/rotel-agent")
    command = [agent, "start", "--otlp-http-endpoint", f"127.0.0.1:{port}"]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}", "--exporter", "otlp"]
    command += ["--otlp-exporter-endpoint", forward_to, "--otlp-exporter-protocol", "http"]
    with running("rotel", command, folder, f"{url}/v1/traces"):
        yield url
