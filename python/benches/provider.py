"""A provider on loopback with as little noise as can be: answers that are ready, on connections that stay open.

``python provider.py RESPONSE`` prints its port. A request for a stream is answered with 500 chunks and the usage.
"""

import json
import socket
import sys
import threading

CHUNKS = 500


def head(content_type: str, length: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{length}\r\n\r\n".encode()


def answers(response: dict[str, object]) -> tuple[bytes, bytes]:
    """The plain answer and the stream."""
    body = json.dumps(response).encode()
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": response["model"]}
    delta = {**chunk, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}], "usage": None}
    last = {**chunk, "choices": [], "usage": response["usage"]}
    events = [*[json.dumps(delta)] * CHUNKS, json.dumps(last), "[DONE]"]
    pieces = [f"data: {event}\n\n".encode() for event in events]
    stream = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return (
        head("application/json", f"content-length: {len(body)}") + body,
        head("text/event-stream", "transfer-encoding: chunked") + stream,
    )


def serve(connection: socket.socket, plain: bytes, stream: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while True:
        while (end := waiting.find(b"\r\n\r\n")) < 0:
            more = connection.recv(65536)
            if not more:
                return
            waiting += more
        lines = waiting[:end].lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        while len(waiting) < end + 4 + length:
            waiting += connection.recv(65536)
        request, waiting = waiting[end + 4 : end + 4 + length], waiting[end + 4 + length :]
        connection.sendall(stream if json.loads(request).get("stream") else plain)


if __name__ == "__main__":
    plain, stream = answers(json.loads(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], plain, stream), daemon=True).start()
