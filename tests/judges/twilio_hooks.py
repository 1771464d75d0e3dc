"""Requests of Twilio's side to an application: parameters of each kind of webhook (reference: Twilio docs,
Voice > TwiML > Twilio's request, status and recording callbacks), signature by PyPI twilio, and what is
answered."""

import re
import urllib.parse

import twilio.request_validator

import twilio_twiml
from twilio_rest import RFC2822
from twilio_text import E164, SID, Form, body_of, header

STATUSES = {
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "failed",
    "no-answer",
    "canceled",
}
FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}
WITHHELD = {"anonymous", "unknown", "restricted", "unavailable", "private", "+266696687"}
RECORDING_SOURCES = {
    "DialVerb", "Conference", "OutboundAPI", "Trunking", "RecordVerb", "StartCallRecordingAPI",
    "StartConferenceRecordingAPI",
}  # fmt: skip
STIR = re.compile(r"^(TN-Validation-(Passed|Failed)-[ABC]|No-TN-Validation)(-Diverted|-Passthrough)?$")
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
FIRST = "AccountSid"  # of the parameters
PLACES = [
    who + what for who in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip", "Country")
]


def _party(value):
    return bool(E164.match(value)) or value.lower() in WITHHELD or value.startswith(("client:", "sip:"))


def _number(value):
    return value.isdigit()


def _one_of(*words):
    return lambda value: value in words


def _matches(pattern):
    return lambda value: bool(pattern.match(value))


def _url(value):
    return value.startswith(("https://", "http://")) and len(value) > 10


def _call_token(value):
    return value.startswith("%7B%22parentCallInfoToken%22")


def _any(_value):
    return True


_VALUES = {
    "AccountSid": _matches(SID["AC"]),
    "CallSid": _matches(SID["CA"]),
    "ParentCallSid": _matches(SID["CA"]),
    "DialCallSid": _matches(SID["CA"]),
    "RecordingSid": _matches(SID["RE"]),
    "StreamSid": _matches(SID["MZ"]),
    "MessageSid": _matches(SID["SM"]),
    "SmsSid": _matches(SID["SM"]),
    "ApiVersion": _one_of("2010-04-01"),
    "CallStatus": _one_of(*STATUSES),
    "DialCallStatus": _one_of("completed", "answered", "busy", "no-answer", "failed", "canceled"),
    "Direction": _one_of("inbound", "outbound-api", "outbound-dial"),
    "From": _party,
    "To": _party,
    "Caller": _party,
    "Called": _party,
    "StirVerstat": _matches(STIR),
    "CallToken": _call_token,
    "DialCallDuration": _number,
    "DialBridged": _one_of("true", "false"),
    "CallDuration": _number,
    "Duration": _number,
    "SequenceNumber": _number,
    "CallbackSource": _one_of("call-progress-events"),
    "RecordingUrl": _url,
    "RecordingStatus": _one_of("in-progress", "completed", "absent"),
    "RecordingDuration": _number,
    "RecordingChannels": _one_of("1", "2"),
    "RecordingStartTime": _matches(RFC2822),
    "RecordingSource": _one_of(*RECORDING_SOURCES),
    "RecordingTrack": _one_of("inbound", "outbound", "both"),
    "Digits": _matches(re.compile(r"^([0-9*#ABCD]*|hangup)$")),
    "ErrorCode": _matches(re.compile(r"^\d{5}$")),
    "ErrorUrl": _url,
    "StreamEvent": _one_of("stream-started", "stream-stopped", "stream-error"),
    "MessageStatus": _one_of("queued", "sending", "sent", "delivered", "undelivered", "failed"),
    "SmsStatus": _one_of("queued", "sending", "sent", "delivered", "undelivered", "failed"),
}
_BASE = ["AccountSid", "ApiVersion", "CallSid", "CallStatus", "Called", "Caller", "Direction", "From", "To"]
_BASE_MORE = [*PLACES, "StirVerstat", "CallToken", "CallerName", "ForwardedFrom", "ParentCallSid"]
_RECORDING = ["RecordingSid", "RecordingUrl", "RecordingDuration"]


class _Kind:
    def __init__(self, name, tells, needs, may=(), twiml=False):
        self.name = name
        self.tells = tells  # parameters that say that it is this kind
        self.needs, self.may = set(needs), set(may)
        self.twiml = twiml  # the answer is a document


# The first that fits.
_KINDS = [
    _Kind(
        "stream",
        ["StreamEvent"],
        ["AccountSid", "CallSid", "StreamSid", "StreamName", "StreamEvent", "Timestamp"],
        ["StreamError"],
    ),
    _Kind(
        "recording",
        ["RecordingStatus"],
        ["AccountSid", "CallSid", "RecordingSid", "RecordingUrl", "RecordingStatus", "RecordingChannels",
         "RecordingStartTime", "RecordingSource", "RecordingTrack"],
        ["RecordingDuration", "ErrorCode"],
    ),
    _Kind(
        "message",
        ["MessageStatus"],
        ["AccountSid", "ApiVersion", "MessageSid", "MessageStatus", "To", "SmsSid", "SmsStatus"],
        ["From", "ErrorCode", "MessagingServiceSid"],
    ),
    _Kind(
        "status",
        ["CallbackSource"],
        ["AccountSid", "ApiVersion", "CallSid", "CallStatus", "Direction", "From", "To", "Timestamp",
         "CallbackSource", "SequenceNumber"],
        ["CallDuration", "Duration", "Called", "Caller", *_BASE_MORE, *_RECORDING, "SipResponseCode",
         "AnsweredBy"],
    ),
    _Kind(
        "dial",
        ["DialCallStatus"],
        [*_BASE, "DialCallStatus", "DialCallSid", "DialBridged"],
        [*_BASE_MORE, "DialCallDuration", *_RECORDING],
        True,
    ),
    _Kind("record", ["RecordingUrl"], [*_BASE, *_RECORDING], [*_BASE_MORE, "Digits"], True),
    _Kind("gather", ["Digits"], [*_BASE, "Digits"], [*_BASE_MORE, "FinishedOnKey"], True),
    _Kind("fallback", ["ErrorCode"], [*_BASE, "ErrorCode", "ErrorUrl"], _BASE_MORE, True),
    _Kind("voice", [], _BASE, _BASE_MORE, True),
]  # fmt: skip
_SOUND = _Kind("sound", [], [])  # of a <Play>


def is_hook(entry):
    return (
        entry["kind"] == "http"
        and entry["side"] == "client"
        and bool(header(entry["request"], "X-Twilio-Signature"))
    )


def pairs_of(entry):
    """The parameters. Of a GET they stand in the query, behind what the URL had of its own."""
    if entry["method"] != "GET":
        return urllib.parse.parse_qsl(body_of(entry["request"]), keep_blank_values=True, strict_parsing=True)
    query = urllib.parse.urlsplit(entry["url"]).query
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    return pairs[names.index(FIRST) :] if FIRST in names else []


def kind_of(entry):
    """Raises ValueError when the form cannot be read."""
    params = dict(pairs_of(entry))
    if entry["method"] == "GET" and not params:
        return _SOUND
    return next(kind for kind in _KINDS if all(p in params for p in kind.tells))


def _sense_findings(kind, params):
    """What belongs together."""
    status = params.get("CallStatus")
    if kind.name == "status" and (status in FINAL) != ("CallDuration" in params):
        yield f"status {status} {'without' if status in FINAL else 'with'} CallDuration"
    if kind.name == "recording" and (params["RecordingStatus"] == "completed") != (
        "RecordingDuration" in params
    ):
        yield "RecordingDuration comes with RecordingStatus=completed, and only then"
    if kind.name == "stream" and (params["StreamEvent"] == "stream-error") != ("StreamError" in params):
        yield "StreamError comes with stream-error, and only then"
    if kind.name == "dial" and params["DialBridged"] == "true" and "DialCallDuration" not in params:
        yield "a bridged <Dial> without DialCallDuration"
    if "Caller" in kind.needs:
        if params.get("From") != params.get("Caller") or params.get("To") != params.get("Called"):
            yield "Caller and Called repeat From and To"
        if status not in ("ringing", "in-progress") and params.get("Digits") != "hangup":
            yield f"TwiML is asked for when the call is {status}"
    if "Timestamp" in params:
        pattern = RFC3339 if kind.name == "stream" else RFC2822
        if not pattern.match(params["Timestamp"]):
            yield f"Timestamp {params['Timestamp']!r} has another form"


def _params_findings(kind, pairs):
    params = dict(pairs)
    if len(params) != len(pairs):
        yield "a parameter stands there twice"
    for name in sorted(kind.needs - set(params)):
        yield f"a {kind.name} webhook lacks {name}"
    for name in sorted(set(params) - kind.needs - kind.may):
        yield f"a {kind.name} webhook has no {name}"
    for name, value in pairs:
        if not _VALUES.get(name, _any)(value):
            yield f"{name}={value!r} is not possible"
    if not kind.needs - set(params):
        yield from _sense_findings(kind, params)


def _request_findings(entry, pairs, token):
    request = entry["request"]
    post = entry["method"] == "POST"
    if entry["method"] not in ("GET", "POST"):
        yield f"a webhook by {entry['method']}"
    if post and header(request, "Content-Type").lower() != "application/x-www-form-urlencoded; charset=utf-8":
        yield f"the form is {header(request, 'Content-Type')!r}"
    for name in ("I-Twilio-Idempotency-Token", "User-Agent"):
        if not header(request, name):
            yield f"a webhook without {name}"
    if "#" in entry["url"]:
        yield "the fragment of a URL is no part of a request"
    validator = twilio.request_validator.RequestValidator(token)
    if not validator.validate(
        entry["url"], Form(pairs if post else ()), header(request, "X-Twilio-Signature")
    ):
        yield "the official library does not accept the signature"


def _answer_findings(kind, answer):
    """What our services answer. A refusal or failure is no fault here: Twilio goes on with the fallback."""
    content_type = header(answer, "Content-Type").split(";")[0]
    if kind is _SOUND:
        if answer["status"] == 200 and not content_type.startswith("audio/"):
            yield f"a sound is {content_type!r}"
        return
    body = body_of(answer)
    if 300 <= answer["status"] < 400:
        yield "a webhook is answered with a redirect"
    if answer["status"] >= 300:
        return
    if kind.twiml and not body:
        yield f"a {kind.name} webhook is answered without a document"
    if body and content_type not in ("text/xml", "application/xml"):
        yield f"TwiML is sent as {content_type!r}"
    if not body and answer["status"] != 204:
        yield f"no body, but status {answer['status']}"
    if body:
        yield from twilio_twiml.findings(body)


def findings(entry, token, answers_judged=True):
    try:
        pairs, kind = pairs_of(entry), kind_of(entry)
    except ValueError as why:
        return [f"the form cannot be read: {why}"]
    found = list(_request_findings(entry, pairs, token))
    found += _params_findings(kind, pairs)
    if entry["answer"] and answers_judged:
        found += _answer_findings(kind, entry["answer"])
    return found


def upgrade_findings(entry, token):
    """The upgrade of a Media Stream: signed over the wss URL alone."""
    if "?" in entry["url"]:
        yield "the upgrade of a stream has a query"
    url = re.sub("^http", "ws", entry["url"])
    validator = twilio.request_validator.RequestValidator(token)
    if not validator.validate(url, {}, header(entry, "X-Twilio-Signature")):
        yield "the official library does not accept the upgrade's signature"


class Sequences:
    """SequenceNumber of the status callbacks of each call: 0, 1, 2 …, nothing after a final one. Repeats of
    one request (the same idempotency token) count once."""

    def __init__(self):
        self.seen = {}  # CallSid: {SequenceNumber: (idempotency token, status)}

    def take(self, entry):
        params = dict(pairs_of(entry))
        if kind_of(entry).name != "status":
            return
        number, sid = params.get("SequenceNumber"), params.get("CallSid")
        if not number or not number.isdigit():
            return
        once = (header(entry["request"], "I-Twilio-Idempotency-Token"), params.get("CallStatus"))
        before = self.seen.setdefault(sid, {}).setdefault(int(number), once)
        if before != once:
            yield f"two status callbacks of {sid} have SequenceNumber {number}"

    def end(self):
        for sid, numbers in self.seen.items():
            if sorted(numbers) != list(range(len(numbers))):
                yield f"status callbacks of {sid} have the numbers {sorted(numbers)}"
            order = [numbers[n][1] for n in sorted(numbers)]
            if any(status in FINAL for status in order[:-1]):
                yield f"status callbacks of {sid} go on after a final one: {', '.join(order)}"
