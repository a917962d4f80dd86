"""Ships calls through llmlab to real servers, and reads tokens and cost back from each.

python tools/e2e VENVS FOLDER: the virtual environments of the servers, and a folder for what they store and log
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import backends
import expected
import servers

HERE = Path(__file__).parent


def ship(folder: Path, project: str, otlp: list[dict], calls: int = 0) -> list[expected.Event]:
    """Runs the program with these sinks and a file beside them, and says what it recorded."""
    lines = folder / f"{project}.jsonl"
    sinks = [{"type": "otlp"} | sink for sink in otlp] + [{"type": "jsonl", "path": str(lines)}]
    command = [sys.executable, HERE / "ship.py", project, json.dumps(sinks), str(calls)]
    environment = os.environ | {"LLMLAB_HOME": str(folder / f"{project}.home")}
    subprocess.run(command, env=environment, check=True, timeout=120)
    return expected.read(lines)


def overload(venvs: Path, folder: Path) -> dict[str, str]:
    """A server that takes one request at a time and refuses the rest: everything arrives all the same, and once."""
    project = "overloaded"
    with servers.phoenix(venvs / "phoenix", folder / project, PHOENIX_MAX_SPANS_QUEUE_SIZE="1") as phoenix:
        events = ship(folder, project, [{"url": phoenix, "preset": "phoenix"}], calls=900)
        row = backends.phoenix(phoenix, project, events)
    refused = (folder / project / "phoenix.log").read_text().count('/v1/traces HTTP/1.1" 503')
    assert refused, "nothing was refused, so this showed nothing"
    return row | {"our cost": f"{refused} requests were refused meanwhile"}


def main(venvs: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    relayed = "through-collector"
    with (
        servers.phoenix(venvs / "phoenix", folder / "phoenix") as phoenix,
        servers.mlflow(venvs / "mlflow", folder / "mlflow") as mlflow,
        servers.rotel(venvs / "rotel", folder / "rotel", phoenix) as rotel,
    ):
        direct = ship(folder, "direct", [{"url": phoenix, "preset": "phoenix"}, {"url": mlflow, "preset": "mlflow"}])
        through = ship(folder, relayed, [{"url": rotel}])
        shown = {
            "recorded": {
                "spans": str(len(direct)),
                "input": str(expected.total(direct, "input")),
                "output": str(expected.total(direct, "output")),
                "cost shown": f"${sum(event.cost_usd for event in direct if event.cost_usd is not None)}",
            },
            "Phoenix": backends.phoenix(phoenix, "direct", direct),
            "MLflow": backends.mlflow(mlflow, folder / "mlflow" / "mlflow.db", direct),
            "rotel → Phoenix": backends.phoenix(phoenix, relayed, through),
        }
    shown["Phoenix, overloaded"] = overload(venvs, folder)
    columns = list(shown["Phoenix"])
    print(f"| | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in shown.items():
        print(f"| {name} | {' | '.join(row.get(column, '') for column in columns)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
