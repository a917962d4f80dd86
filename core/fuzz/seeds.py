"""Writes the answers of the vectors of conformance/ as the inputs that a fuzzer starts from: seeds.py FOLDER.

An input of the target `exchange` begins with what targets/exchange.rs chooses by: which request, which coding, which
content type, which status, which end, and the length of the pieces.
"""

import gzip
import json
import pathlib
import sys
import zlib

VECTORS = pathlib.Path(__file__).parent.parent / "conformance"
KINDS = ("application/json", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")


def answer_of(vector: dict) -> bytes:
    """As it comes over the connection, without a coding."""
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    if "sse" in vector:
        events = (event if isinstance(event, str) else json.dumps(event) for event in vector["sse"])
        return "".join(f"data: {event}\n\n" for event in events).encode()
    if "lines" in vector:
        return "".join(json.dumps(line) + "\n" for line in vector["lines"]).encode()
    text = vector.get("text", vector.get("answer"))
    return (json.dumps(vector.get("body")) if text is None else text).encode()


def main(folder: pathlib.Path) -> None:
    """An input for each answer and each of three codings."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted([*VECTORS.glob("usage/*.jsonl"), VECTORS / "stream_usage.jsonl"])
    vectors = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    vectors = [vector for vector in vectors if "url" in vector]
    for number, vector in enumerate(vectors):
        answer = answer_of(vector)
        kind = vector.get("content_type", KINDS[0])
        kind_number = KINDS.index(kind) if kind in KINDS else 0
        status = 0 if vector.get("status", 200) < 400 else 200
        for coding, coded in enumerate([answer, gzip.compress(answer, mtime=0), zlib.compress(answer)]):
            choice = [*number.to_bytes(2, "little"), coding, kind_number, status, 0, number % 256]
            (folder / f"seed-{number}-{coding}").write_bytes(bytes(choice) + coded)


main(pathlib.Path(sys.argv[1]))
