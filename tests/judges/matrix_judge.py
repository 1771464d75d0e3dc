"""What the bridge says to engine and Twilio in the fault matrix (tests/e2e/matrix), whatever those do: each message has
its documented shape and, to Twilio, its place. The scripted peers misbehave on purpose, and are not judged."""
import json

import judge
import openai_judge
import openai_schema as schema
import twilio_media
from judge import case, check

PATH = judge.RECORDS / "matrix" / "bridge.jsonl"
MESSAGES = 1000  # a record with fewer is none of the matrix


def entries():
    if not PATH.exists():
        raise judge.Skip(f"no record {PATH}; matrix_e2e writes it under a sanitizer (make test)")
    with PATH.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            yield number, json.loads(line)


@case("every event that the bridge sends to a faulty engine is one of the official types")
def engine():
    count, found = 0, []
    for number, entry in entries():
        if not openai_judge.is_realtime(entry) or entry["direction"] != "in" or entry["type"] != "text":
            continue
        count += 1
        found += [f"{PATH.name}:{number}: {text}" for text in schema.event(json.loads(entry["data"]), True)]
    judge.no_findings(found)
    check(count >= MESSAGES, f"{count} events")


@case("every message that the bridge sends over a faulty line is one of Twilio's, for its stream, its marks new")
def line():
    count, found, streams = 0, [], {}
    for number, entry in entries():
        if "/media" not in entry["url"]:
            continue
        if entry["type"] == "open":  # each cell counts its connections anew
            streams[entry["conn"]] = twilio_media.Stream()
        elif entry["type"] in ("text", "binary"):
            ours = entry["direction"] == "in"
            texts = list(streams[entry["conn"]].take("to" if ours else "from", entry["type"], entry.get("data")))
            count += ours
            found += [f"{PATH.name}:{number}: {text}" for text in texts if ours]
    judge.no_findings(found)
    check(count >= MESSAGES, f"{count} messages")
