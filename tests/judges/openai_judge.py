"""Everything that our services and our stand-in said to each other as OpenAI, in the record of the end-to-end
suite."""

import base64
import collections
import json
import pathlib
import re

import judge
import openai_http as http
import openai_order as order
import openai_schema as schema

SAMPLES = pathlib.Path(__file__).with_name("openai_bad.jsonl")
BAD_SAMPLES = 25
# What whole calls cannot do without; a record without them has not been looked at.
COVERED = {
    "client": (
        "session.update",
        "input_audio_buffer.append",
        "response.create",
        "response.cancel",
        "conversation.item.create",
        "conversation.item.truncate",
    ),
    "server": (
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.function_call_arguments.done",
        "rate_limits.updated",
    ),
}


def is_realtime(entry):
    return entry["kind"] == "ws" and re.search(r"/v1/realtime(\?|$)", entry["url"]) is not None


class Listener:
    """Judges the entries of Realtime sockets as they come; `count`: how many events of each type it saw."""

    def __init__(self, ours=True):
        self.ours = ours
        self.sockets = {}
        self.count = {"client": collections.Counter(), "server": collections.Counter()}
        self.cut = 0

    def take(self, entry, where=""):
        """Findings of one entry."""
        key = (where.partition(":")[0], entry["side"], entry["conn"])
        if entry["type"] == "open" or key not in self.sockets:
            ours = self.ours and entry["service"] == "media-bridge"
            self.sockets[key] = order.Socket(ours, "fault=" in entry["url"])
        # `in` is what local-cloud received; in front of OpenAI itself it would be the client.
        from_client = (entry["direction"] == "in") == (entry["side"] == "server")
        for text in self._judge(self.sockets[key], entry, from_client):
            yield f"{where} {text}".strip()

    def _judge(self, socket, entry, from_client):
        side = "client" if from_client else "server"
        if entry["type"] == "close":
            yield from socket.close(not from_client, entry.get("code", 0), entry.get("data") or "")
        elif entry["type"] == "binary":
            yield f"{side}: a binary message"
        elif entry["type"] == "text" and entry.get("truncated"):
            self.cut += 1
        elif entry["type"] == "text":
            yield from self._event(socket, entry, side)

    def _event(self, socket, entry, side):
        try:
            value = json.loads(entry["data"])
        except ValueError:
            yield f"{side}: no JSON"
            return
        found = schema.event(value, side == "client")
        if not found:
            self.count[side][value["type"]] += 1
            found = (socket.client if side == "client" else socket.server)(value)
        for text in found:
            yield text if text.startswith(side) else f"{side}: {text}"


def findings_of(entries, ours=True):
    """All findings of Realtime entries, and the listener."""
    listener = Listener(ours)
    found = [text for e in entries if is_realtime(e) for text in listener.take(e, e.get("where", ""))]
    return found, listener


def body_of(message):
    if "body_base64" in message:
        return base64.b64decode(message["body_base64"])
    return (message.get("body") or "").encode()


def header_of(message, name):
    return next((value for key, value in message["headers"] if key.lower() == name), None)


def transcription_findings(entry):
    """Findings of one exchange with the transcription endpoint."""
    ask, answer = entry["request"], entry["answer"]
    content = header_of(ask, "content-type")
    found, texts, seconds = http.request(content, body_of(ask), ask.get("truncated", False))
    if not (header_of(ask, "authorization") or "").startswith("Bearer"):
        found.append("transcription request: no key")
    if answer and not answer.get("truncated"):
        found += http.answer(
            answer["status"], header_of(answer, "content-type"), body_of(answer), texts, seconds
        )
    return [f"{entry['where']} {text}" for text in found]


@judge.case(
    "every Realtime event of the recorded calls is one of OpenAI's, both ways, in the order of the protocol"
)
def realtime_record():
    found, listener = findings_of(judge.record())
    judge.no_findings(found)
    for side, names in COVERED.items():
        missing = [name for name in names if not listener.count[side][name]]
        judge.check(not missing, f"the record has no {', '.join(missing)} of the {side}'s")
    total = sum(sum(c.values()) for c in listener.count.values())
    judge.check(listener.cut * 100 < total, f"{listener.cut} of {total} messages are cut short in the record")


@judge.case("every transcription of the recorded calls is asked for and answered as OpenAI documents it")
def transcription_record():
    seen, found = 0, []
    for entry in judge.record():
        if entry["kind"] == "http" and re.search(r"/v1/audio/transcriptions(\?|$)", entry["url"]):
            found += transcription_findings(entry)
            seen += bool(entry["answer"] and entry["answer"]["status"] == 200)
    judge.no_findings(found)
    judge.check(seen, "the record has no transcription")


# --- samples --------------------------------------------------------------------------------------


def samples():
    with open(SAMPLES, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def sample_findings(sample, setups):
    """A sample is a row of messages: a setup by name, then [side, event] pairs or ["close", by server, code,
    reason]; or an HTTP body. Findings of the last message; those before it must have none."""
    if "form" in sample:
        return http.request(sample["content_type"], base64.b64decode(sample["form"]))[0]
    if "answer" in sample:
        return http.answer(
            sample["status"], sample["content_type"], json.dumps(sample["answer"]), sample["fields"], 2.0
        )
    socket, listener = order.Socket(), Listener()
    found = []
    for message in setups[sample.get("after", "nothing")] + sample["messages"]:
        judge.check(not found, f"{sample['name']}: found before its end: {found}")
        if message[0] == "close":
            found = list(socket.close(*message[1:]))
        else:
            found = list(listener._event(socket, {"data": json.dumps(message[1])}, message[0]))
    return found


@judge.case("every deliberately wrong event is named for what is wrong with it, and the right ones pass")
def bad_samples():
    rows = samples()
    setups = {"nothing": []}
    bad = 0
    for row in rows:
        if "setup" in row:
            setups[row["setup"]] = setups[row.get("after", "nothing")] + row["messages"]
            row = {"name": f"setup {row['setup']}", "messages": setups[row["setup"]], "expect": None}
        found = sample_findings(row, setups)
        if row["expect"] is None:
            judge.check(not found, f"{row['name']}: {found}")
            continue
        bad += 1
        judge.check(
            any(row["expect"] in text for text in found),
            f"{row['name']}: expected {row['expect']!r}, got {found}",
        )
    judge.check(bad >= BAD_SAMPLES, f"{bad} bad samples")
