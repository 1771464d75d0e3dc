"""Seeds of the fuzz targets from a record of real traffic (local-cloud --record): one input for each shape of
message, none that is large.
Usage: seed.py RECORD.jsonl…   writes into tests/fuzz/corpus"""
import base64
import hashlib
import json
import pathlib
import sys
import urllib.parse

CORPUS = pathlib.Path(__file__).parent / "corpus"
SEED_MAX = 6000  # bytes
EACH_MAX = 24  # seeds of one target

# tests/fuzz/answers_fuzz.c: the order of its calls and of its statuses.
ANSWER_CALLS = "get get_all query count commit upload put download stat publish tokens keys recording call".split()
STATUSES = [200, 201, 204, 206, 308, 400, 401, 403, 404, 409, 410, 412, 416, 429, 500, 503]


def body_of(part):
    if "body_base64" in part:
        return base64.b64decode(part["body_base64"])
    return part.get("body", "").encode()


def shape(value):
    """What two messages of one kind have in common: names and types, not values."""
    if isinstance(value, dict):
        kind = value.get("type") or value.get("event") or ""
        return [kind] + [[k, shape(v)] for k, v in sorted(value.items())]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def shape_of(data):
    try:
        return json.dumps(shape(json.loads(data)))
    except ValueError:
        return str(sorted(k for k, _ in urllib.parse.parse_qsl(data.decode("latin-1"))))


class Seeds:
    def __init__(self):
        self.seen = {}

    def add(self, target, data, key=None):
        shapes = self.seen.setdefault(target, {})
        key = key or shape_of(data)
        if 0 < len(data) <= SEED_MAX and key not in shapes and len(shapes) < EACH_MAX:
            shapes[key] = data

    def write(self):
        for target, shapes in sorted(self.seen.items()):
            for data in shapes.values():
                name = "seen-" + hashlib.sha256(data).hexdigest()[:12]
                (CORPUS / target / name).write_bytes(data)
            print(f"{target}: {len(shapes)}")


def answered_call(method, path):
    """Which call of answers_fuzz.c reads this answer."""
    marks = {
        ":commit": "commit", ":batchGet": "get_all", ":runQuery": "query", ":runAggregationQuery": "count",
        ":publish": "publish", "/upload/": "upload", "alt=media": "download", "/token?": "tokens",
        "/certs": "keys", "/Recordings/": "recording", "/2010-04-01/": "call",
    }
    for mark, call in marks.items():
        if mark in path:
            return call
    if "/documents/" in path and method == "GET":
        return "get"
    return "stat" if "/storage/v1/b/" in path else None


def raw_request(entry):
    request, url = entry["request"], urllib.parse.urlsplit(entry["url"])
    target = url.path + ("?" + url.query if url.query else "")
    lines = [f"{entry['method']} {target} HTTP/1.1"] + [f"{n}: {v}" for n, v in request["headers"]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body_of(request)


def take_http(seeds, entry):
    answer, request = entry["answer"], entry["request"]
    url = urllib.parse.urlsplit(entry["url"])
    if request["truncated"] or not answer or answer["truncated"]:
        return
    body = body_of(request)
    seeds.add("http_request", raw_request(entry), entry["method"] + url.path[:12])
    seeds.add("http_server", raw_request(entry), entry["method"] + url.path[:12])
    if body[:1] == b"{":
        seeds.add("json", body)
    types = {n.lower(): v for n, v in request["headers"]}
    if "x-www-form-urlencoded" in types.get("content-type", ""):
        seeds.add("form", body)
    if "multipart/form-data" in types.get("content-type", ""):
        seeds.add("multipart", types["content-type"].encode() + b"\n" + body, "upload")
    if entry["side"] == "client" and b'"messageId"' in body:
        seeds.add("push_envelope", body)
        event = base64.b64decode(json.loads(body)["message"].get("data", ""))
        seeds.add("push_envelope", event)
    if body_of(answer).lstrip().startswith(b"<?xml"):
        seeds.add("twiml", body_of(answer), hashlib.sha256(body_of(answer)).hexdigest())
    call = answered_call(entry["method"], entry["url"]) if entry["side"] == "server" else None
    if call and answer["status"] in STATUSES:
        kept = [f"{n}: {v}\n" for n, v in answer["headers"] if n.lower() not in ("date", "connection")][:8]
        head = bytes([ANSWER_CALLS.index(call), STATUSES.index(answer["status"])])
        seeds.add("answers", head + "".join(kept).encode() + b"\n" + body_of(answer), f"{call}{answer['status']}")


def take_ws(seeds, entry):
    data = entry.get("data", "").encode()
    if entry["type"] != "text" or entry["truncated"]:
        return
    if entry["side"] == "client" and entry["direction"] == "out":
        seeds.add("media_stream", data)
    elif entry["side"] == "server" and entry["direction"] == "out" and "/realtime" in entry["url"]:
        seeds.add("engine_event", b"\1" + data, shape_of(data))
        if b"function_call_arguments.done" in data:
            arguments = json.loads(json.loads(data)["arguments"])
            request = {"callSid": "CA1", "toolCallId": "c1", "arguments": arguments, "context": {"from": "+491511"}}
            seeds.add("tool", json.dumps(request).encode())


def main(paths):
    seeds = Seeds()
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                take = take_http if entry["kind"] == "http" else take_ws
                take(seeds, entry)
    seeds.write()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1:])
