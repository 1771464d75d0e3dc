"""Google's discovery documents judge what our services sent to local-cloud and what it answered, in the
record of the end-to-end suite; and the judge itself is judged by samples that are wrong on purpose."""
import collections
import contextlib
import copy
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

import google_schema
import judge
import routing
from judge import case, check

judge.lookers.append(google_schema.server_findings)

SAMPLES = judge.SOURCE / "tests/judges/google_bad.jsonl"
SAMPLES_MIN = 25
RENAMED_MIN = 100
START_SECONDS = 20
# What a call makes our services do, so that an empty record, or one of another kind, does not pass.
EXPECTED = [
    "firestore.commit",
    "firestore.batchGet",
    "firestore.runQuery",
    "pubsub.publish",
    "push",
    "metadata",
    "storage.objects.insert resumable",
    "storage.session.put",
    "storage.objects.get media",
]


class Record:
    """The record read once: Google's entries, and those that nobody owns."""

    lock = threading.Lock()
    google, unowned = None, None

    @classmethod
    def read(cls):
        with cls.lock:
            if cls.google is None:
                google, unowned = [], []
                for entry in judge.record():
                    unowned += routing.unowned([entry])
                    if routing.owner(entry) == "google":
                        google.append(entry)
                cls.google, cls.unowned = google, unowned
        return cls


@case("nothing of the record contradicts Google's documents")
def record_is_good():
    judge.no_findings(google_schema.judge(Record.read().google))


@case("the record holds what our services are known to call")
def record_covers():
    called = collections.Counter(google_schema.called(entry) for entry in Record.read().google)
    missing = [name for name in EXPECTED if not called[name]]
    check(not missing, f"never called: {', '.join(missing)}; called: {dict(called)}")


@case("each exchange of the record has a validator")
def record_is_owned():
    judge.no_findings(Record.read().unowned)


def renamed(body):
    """The JSON of a body with one of its first fields named otherwise; None where there is no field."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict) or not first or "error" in first:
        return None
    key = next(iter(first))
    first[key + "X"] = first.pop(key)
    return json.dumps(value)


def renamings(entry):
    """The entry once with its request and once with its answer changed. What is uploaded or read may be JSON
    of any kind; a token is nobody's to name."""
    called = google_schema.called(entry)
    free = {"storage.session.put": "request", "storage.objects.insert media": "request",
            "storage.objects.get media": "answer", "metadata": "answer"}
    for side in ("request", "answer"):
        message = entry.get(side) or {}
        text = renamed(message["body"]) if message.get("body") and not message.get("truncated") else None
        if text and free.get(called) != side:
            other = copy.deepcopy(entry)
            other[side]["body"] = text
            yield other


@case("a field of the record that is named otherwise is found")
def record_is_looked_at():
    missed, n = [], 0
    for entry in Record.read().google:
        for other in renamings(entry):
            n += 1
            if n <= 2000 and not google_schema.judge([other]):
                missed.append(f"{entry['where']}: {google_schema.called(entry)}: passed with a renamed field")
    check(n >= RENAMED_MIN, f"only {n} bodies on record")
    judge.no_findings(missed)


# --- the dashboard, which no call asks for anything ---------------------------------------------

SID = "CA" + "7" * 32
TIME = {"timestampValue": "2026-11-21T09:00:00.5Z"}


def text(value):
    return {"stringValue": value}


def fields(**values):
    return {"mapValue": {"fields": values}}


def send(origin, method, path, body, kind="application/json"):
    request = urllib.request.Request(origin + path, data=body, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def store_call(origin):
    """A call with a turn, a recording and a transcript."""
    where = "projects/local-project/databases/(default)/documents"
    name = f"{where}/calls/{SID}"
    call = {
        "status": text("ended"), "outcome": text("booked"), "startedAt": TIME, "from": text("+49*****12"),
        "recording": fields(status=text("stored"), bucket=text("kept"), object=text("a/b.wav")),
        "transcript": fields(bucket=text("kept"), object=text("a/b.json"))}
    turn = {"attempt": {"integerValue": "0"}, "index": {"integerValue": "1"}, "role": text("caller"),
            "text": text("Hello")}
    writes = [{"update": {"name": name, "fields": call}}]
    writes += [{"update": {"name": f"{where}/calls/CA{i:032x}", "fields": call}} for i in range(60)]
    writes += [{"update": {"name": f"{name}/turns/0-0001", "fields": turn}}]
    send(origin, "POST", f"/v1/{where}:commit", json.dumps({"writes": writes}).encode())
    upload = "/upload/storage/v1/b/kept/o?uploadType=media&name="
    with contextlib.suppress(urllib.error.HTTPError):
        send(origin, "POST", "/storage/v1/b?project=local-project", b'{"name":"kept"}')
    send(origin, "POST", upload + "a%2Fb.wav", b"RIFF" + bytes(300_000), "audio/wav")
    send(origin, "POST", upload + "a%2Fb.json", b'{"segments":[]}')


@contextlib.contextmanager
def dashboard(cloud):
    """Its origin."""
    port = judge.free_port()
    env = {
        "PORT": str(port), "LISTEN_HOST": "127.0.0.1", "DASHBOARD_AUTH": "none", "LOG_LEVEL": "off",
        "GOOGLE_CLOUD_PROJECT": "local-project", "FIRESTORE_EMULATOR_HOST": cloud.host,
        "STORAGE_EMULATOR_HOST": cloud.origin, "GCE_METADATA_HOST": cloud.host,
        "BUSINESS_PROFILE": str(judge.SOURCE / "evals/profiles/clinic.yaml")}
    process = subprocess.Popen([str(judge.BUILD / "bin/dashboard")], env={**os.environ, **env})
    try:
        origin = f"http://127.0.0.1:{port}"
        until = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(urllib.error.URLError):
                send(origin, "GET", "/live", None)
                break
        yield origin
    finally:
        process.terminate()
        code = process.wait(20)
    check(code == 0, f"the dashboard ended with {code}")


@case("what the dashboard asks Google for contradicts nothing either")
def dashboard_is_good():
    with judge.local_cloud() as cloud:
        store_call(cloud.origin)
        with dashboard(cloud) as origin:
            listed = json.loads(send(origin, "GET", "/api/calls", None))
            check(len(listed["calls"]) >= 20 and listed.get("next"), f"the list: {list(listed)}")
            for path in ("/", "/?outcome=booked", f"/?before={listed['next']}",
                         "/?before=2026-11-22T00:00:00Z", f"/calls/{SID}", f"/api/calls/{SID}",
                         f"/calls/{SID}/transcript"):
                send(origin, "GET", path, None)
            sound = send(origin, "GET", f"/calls/{SID}/recording", None)
            check(len(sound) == 300_004, f"{len(sound)} bytes of sound")
        entries = cloud.record
    asked = collections.Counter(google_schema.called(e) for e in entries if e["service"] == "dashboard")
    for name in ("firestore.batchGet", "firestore.runQuery", "storage.objects.get media"):
        check(asked[name], f"no {name} among {dict(asked)}")
    judge.no_findings(google_schema.judge(entries))


# --- samples ------------------------------------------------------------------------------------


def samples():
    """google_bad.jsonl has in each line: `expect`, a part of the one finding; `method`, `url` (path and
    query), `request` and `answer` (a text, or JSON), `status`, `headers`, `answer_headers`, `side`,
    `agent`."""
    with open(SAMPLES, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def entry_of(sample):
    """The entry that the record would have of it."""
    headers = {"User-Agent": sample.get("agent", "voice-concierge/1")}
    if "request" in sample:
        headers["Content-Type"] = "application/json"
    entry = {
        "kind": "http",
        "seq": 1,
        "side": sample.get("side", "server"),
        "service": "sample",
        "method": sample["method"],
        "url": "http://127.0.0.1:1" + sample["url"],
        "request": message(sample.get("request", ""), {**headers, **sample.get("headers", {})}),
        "answer": None,
    }
    if "status" in sample:
        answer_headers = {"Content-Type": "application/json", **sample.get("answer_headers", {})}
        entry["answer"] = {"status": sample["status"], **message(sample.get("answer", ""), answer_headers)}
    return entry


def message(body, headers):
    text = body if isinstance(body, str) else json.dumps(body)
    return {"headers": list(headers.items()), "body": text, "bytes": len(text), "truncated": False}


@case("each of the bad samples is found, and named for what it is")
def bad_samples():
    bad = samples()
    check(len(bad) >= SAMPLES_MIN, f"only {len(bad)} samples")
    wrong = []
    for number, sample in enumerate(bad, 1):
        found = list(google_schema.judge([entry_of(sample)]))
        if len(found) != 1 or sample["expect"] not in found[0]:
            wrong.append(f"{SAMPLES.name}:{number}: {sample['expect']!r} expected, found: {found}")
    judge.no_findings(wrong)


@case("a path that nobody serves is a finding")
def unowned_path():
    entry = entry_of({"method": "GET", "url": "/v2/projects/p/topics"})
    check(len(list(routing.unowned([entry]))) == 1, "an unknown path has an owner")
