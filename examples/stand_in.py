"""A stand-in for the providers on 127.0.0.1, so that the examples run without keys, network or cost.

    python examples/stand_in.py COMMAND...

runs COMMAND with the variables of the SDKs (OPENAI_BASE_URL, ANTHROPIC_BASE_URL, AWS_ENDPOINT_URL_BEDROCK_RUNTIME and
keys) pointing here. It answers chat completions and messages, plain and streamed, and Converse of Bedrock, in the
formats of the providers, and `/v1/generate` in one that nobody has. It counts a token a word.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = "Thank you for writing to us: your parcel left our warehouse this morning and should arrive tomorrow."


def count_words(messages):
    """The tokens of a prompt: here, its words."""
    return sum(len(str(message["content"]).split()) for message in messages)


def answers(path):
    """The function that answers a path, if there is one."""
    if path.startswith("/model/") and path.endswith("/converse"):
        return converse
    return {"/v1/chat/completions": chat_completion, "/v1/messages": message, "/v1/generate": generate}.get(path)


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = answers(self.path)
        if answer is None:
            self.reply(404, "application/json", [json.dumps({"error": {"type": "not_found_error"}})])
            return
        kind = "text/event-stream" if request.get("stream") else "application/json"
        self.reply(200, kind, answer(request))

    def reply(self, status, content_type, chunks):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in [*chunks, ""]:
            data = chunk.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_):
        pass


def chat_completion(request):
    """https://platform.openai.com/docs/api-reference/chat"""
    words = ANSWER.split(" ")
    prompt = count_words(request["messages"])
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": len(words),
        "total_tokens": prompt + len(words),
        "prompt_tokens_details": {"cached_tokens": prompt // 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    head = {"id": "chatcmpl-" + os.urandom(8).hex(), "created": 0, "model": request["model"]}
    if not request.get("stream"):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
        yield json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        return
    asked = (request.get("stream_options") or {}).get("include_usage")
    for word in words:
        choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
        yield server_sent({**head, "object": "chat.completion.chunk", "choices": [choice]})
    if asked:
        yield server_sent({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def message(request):
    """https://platform.claude.com/docs/en/api/messages"""
    words = ANSWER.split(" ")
    usage = {"input_tokens": count_words(request["messages"]), "output_tokens": len(words)}
    head = {"id": "msg_" + os.urandom(8).hex(), "type": "message", "role": "assistant", "model": request["model"]}
    if not request.get("stream"):
        content = [{"type": "text", "text": ANSWER}]
        yield json.dumps({**head, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})
        return
    opening = {
        **head,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    yield server_sent({"type": "message_start", "message": opening})
    yield server_sent({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for word in words:
        delta = {"type": "text_delta", "text": word + " "}
        yield server_sent({"type": "content_block_delta", "index": 0, "delta": delta})
    yield server_sent({"type": "content_block_stop", "index": 0})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield server_sent({"type": "message_delta", "delta": delta, "usage": {"output_tokens": len(words)}})
    yield server_sent({"type": "message_stop"})


def converse(request):
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""
    counts = {"inputTokens": count_words(request["messages"]), "outputTokens": len(ANSWER.split())}
    yield json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}},
            "stopReason": "end_turn",
            "usage": {**counts, "totalTokens": sum(counts.values())},
            "metrics": {"latencyMs": 1},
        }
    )


def generate(request):
    """A wire of its own: see own_provider.py."""
    usage = {"prompt": len(request["prompt"].split()), "completion": len(ANSWER.split())}
    yield json.dumps({"engine": request["engine"], "result": [{"text": ANSWER, "usage": usage}]})


def server_sent(event):
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    keys = dict.fromkeys(["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "none")
    urls = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url}
    urls["OWN_PROVIDER_URL"] = url
    sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, **keys, **urls}).returncode)


if __name__ == "__main__":
    main()
