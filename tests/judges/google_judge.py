"""Google's discovery documents judge what our services sent to local-cloud and what it answered, in the
record of the end-to-end suite; and the judge itself is judged by samples that are wrong on purpose."""
import collections
import json

import google_schema
import judge
import routing
from judge import case, check

SAMPLES = judge.SOURCE / "tests/judges/google_bad.jsonl"
SAMPLES_MIN = 25
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


def google_record():
    return [entry for entry in judge.record() if routing.owner(entry) == "google"]


@case("nothing of the record contradicts Google's documents")
def record_is_good():
    judge.no_findings(google_schema.judge(judge.record()))


@case("the record holds what our services are known to call")
def record_covers():
    called = collections.Counter(google_schema.called(entry) for entry in google_record())
    missing = [name for name in EXPECTED if not called[name]]
    check(not missing, f"never called: {', '.join(missing)}; called: {dict(called)}")


@case("each exchange of the record has a validator")
def record_is_owned():
    judge.no_findings(routing.unowned(judge.record()))


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
