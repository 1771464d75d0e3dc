"""Messages of bidirectional Media Streams, both ways, strictly as documented (Voice > Media Streams >
WebSocket messages). Twilio answers what is wrong with a warning 31951 at most, once for each stream, and
skips it."""

import base64
import binascii
import json

from twilio_text import SID

FRAME_BYTES = 160
MARK_CHARS_MAX = 128
DIGITS = set("0123456789*#ABCD")
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def _no_twins(pairs):
    if len({k for k, _ in pairs}) != len(pairs):
        raise ValueError("a member stands there twice")
    return dict(pairs)


def _shape(value, expected, where=""):
    """`expected`: a dict of members, a type, a value, or a function that says whether the value is right."""
    if isinstance(expected, dict):
        if not isinstance(value, dict):
            yield f"{where or 'the message'} is no object"
            return
        for name in sorted(set(value) - set(expected)):
            yield f"{where}{name} is not known"
        for name in expected:
            if name not in value:
                yield f"{where}{name} is missing"
            else:
                yield from _shape(value[name], expected[name], f"{where}{name}.")
    elif callable(expected):
        if not expected(value):
            yield f"{where.rstrip('.')} is {json.dumps(value)[:80]}"
    elif value != expected or type(value) is not type(expected):
        yield f"{where.rstrip('.')} is {json.dumps(value)[:80]}, not {json.dumps(expected)}"


def _counting(value):
    """Numbers of Twilio's messages are texts."""
    return isinstance(value, str) and value.isdigit() and str(int(value)) == value


def _sid(kind):
    return lambda value: isinstance(value, str) and bool(SID[kind].match(value))


def _audio(value):
    try:
        return isinstance(value, str) and len(base64.b64decode(value, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def _parameters(value):
    return isinstance(value, dict) and all(
        isinstance(v, str) and k and len(k) + len(v) < 500 for k, v in value.items()
    )


def _mark_name(value):
    return isinstance(value, str) and 0 < len(value) <= MARK_CHARS_MAX


def _digit(value):
    return isinstance(value, str) and len(value) == 1 and value in DIGITS


_FROM_TWILIO = {
    "connected": {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    "start": {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": _sid("MZ"),
        "start": {
            "accountSid": _sid("AC"),
            "streamSid": _sid("MZ"),
            "callSid": _sid("CA"),
            "tracks": ["inbound"],
            "mediaFormat": FORMAT,
            "customParameters": _parameters,
        },
    },
    "media": {
        "event": "media",
        "sequenceNumber": _counting,
        "streamSid": _sid("MZ"),
        "media": {"track": "inbound", "chunk": _counting, "timestamp": _counting, "payload": _audio},
    },
    "dtmf": {
        "event": "dtmf",
        "sequenceNumber": _counting,
        "streamSid": _sid("MZ"),
        "dtmf": {"track": "inbound_track", "digit": _digit},
    },
    "mark": {
        "event": "mark",
        "sequenceNumber": _counting,
        "streamSid": _sid("MZ"),
        "mark": {"name": _mark_name},
    },
    "stop": {
        "event": "stop",
        "sequenceNumber": _counting,
        "streamSid": _sid("MZ"),
        "stop": {"accountSid": _sid("AC"), "callSid": _sid("CA")},
    },
}
_TO_TWILIO = {
    "media": {"event": "media", "streamSid": _sid("MZ"), "media": {"payload": _audio}},
    "mark": {"event": "mark", "streamSid": _sid("MZ"), "mark": {"name": _mark_name}},
    "clear": {"event": "clear", "streamSid": _sid("MZ")},
}


class Stream:
    """One connection; take() each message in order, then end()."""

    def __init__(self):
        self.sid = self.start = None
        self.connected = self.stopped = self.closed = False
        self.sequence = self.chunk = 0
        self.timestamp = -1
        self.marks = []  # sent to Twilio, not yet returned
        self.counts = {}

    def take(self, direction, kind, data):
        """`direction`: "from" Twilio or "to" it. Yields findings."""
        if kind == "close":
            self.closed = True
            return
        if self.closed:
            yield "a message after the socket was closed"
        if kind == "binary":
            yield "a binary message (warning 31950)"
            return
        try:
            message = json.loads(data, object_pairs_hook=_no_twins)
            event = message["event"]
        except (ValueError, TypeError, KeyError) as why:
            yield f"no JSON object with an event (warning 31951): {why}"
            return
        shapes = _FROM_TWILIO if direction == "from" else _TO_TWILIO
        if event not in shapes:
            yield f"the event {event!r} is not known (warning 31951)"
            return
        key = (direction, event)
        self.counts[key] = self.counts.get(key, 0) + 1
        wrong = [f"{event}: {text}" for text in _shape(message, shapes[event])]
        yield from wrong
        if not wrong:
            yield from (self._from_twilio if direction == "from" else self._to_twilio)(event, message)

    def _from_twilio(self, event, message):
        if self.stopped:
            yield f"{event} after stop"
        if event == "connected":
            if self.connected:
                yield "connected comes twice"
            self.connected = True
            return
        if not self.connected:
            yield f"{event} before connected"
        if (event == "start") == (self.start is not None):
            yield f"{event} {'comes twice' if event == 'start' else 'before start'}"
        yield from self._numbers(event, message)
        if event == "start":
            self.start, self.sid = message["start"], message["streamSid"]
            if self.start["streamSid"] != self.sid:
                yield "start: the two streamSids differ"
        if event == "mark":
            name = message["mark"]["name"]
            if name not in self.marks:
                yield f"mark {name!r} comes back, but was not sent, or has come back already"
            else:
                self.marks.remove(name)
        if event == "stop":
            self.stopped = True
            if self.start and any(message["stop"][k] != self.start[k] for k in ("accountSid", "callSid")):
                yield "stop: accountSid or callSid are not those of start"

    def _numbers(self, event, message):
        if self.sid and message["streamSid"] != self.sid:
            yield f"{event}: streamSid {message['streamSid']} is not that of start"
        self.sequence += 1
        if int(message["sequenceNumber"]) != self.sequence:
            yield f"{event}: sequenceNumber {message['sequenceNumber']}, {self.sequence} is its turn"
            self.sequence = int(message["sequenceNumber"])
        if event != "media":
            return
        media = message["media"]
        self.chunk += 1
        if int(media["chunk"]) != self.chunk:
            yield f"media: chunk {media['chunk']}, {self.chunk} is its turn"
            self.chunk = int(media["chunk"])
        if int(media["timestamp"]) <= self.timestamp:
            yield f"media: timestamp {media['timestamp']} after {self.timestamp}"
        self.timestamp = int(media["timestamp"])
        if len(base64.b64decode(media["payload"])) != FRAME_BYTES:
            yield f"media: {len(base64.b64decode(media['payload']))} bytes, 20 ms are {FRAME_BYTES}"

    def _to_twilio(self, event, message):
        if self.sid is None:
            yield f"{event} to Twilio before start"
        elif message["streamSid"] != self.sid:
            yield f"{event} to Twilio: streamSid {message['streamSid']} is not that of start"
        if event == "mark":
            if message["mark"]["name"] in self.marks:
                yield f"mark {message['mark']['name']!r} is sent again before it came back"
            self.marks.append(message["mark"]["name"])

    def end(self):
        """Nothing follows. Yields findings."""
        if self.connected and self.start is None:
            yield "the stream has no start"
        if self.stopped and not self.closed:
            yield "the socket stays open after stop"
