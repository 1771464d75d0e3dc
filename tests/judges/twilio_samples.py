"""Samples for the validator of Twilio's formats: entries as they stand in a record, put together from a right
one and what is changed in it.

A line of twilio_bad.jsonl says what must be found ("expect") and has one of
  "twiml": a document
  "rest": a name of REST below, with "path", "query", "form", "status", "answer" in place of the right ones,
          "set" and "drop" for members of the answer, "headers", "service"; "long_twiml": a form with so
          long a document
  "hook": a name of HOOKS below, with "set" and "drop" for its parameters, "url", "headers", "signature",
          "status", "answer"
  "stream": messages ["from"|"to", a name of MESSAGES or a whole message or a text, {members set in it}]"""

import base64
import copy
import json
import urllib.parse

import twilio.request_validator

import twilio_rest

ACCOUNT = "AC" + "a" * 32
CALL = "CA" + "b" * 32
RECORDING = "RE" + "c" * 32
STREAM = "MZ" + "d" * 32
MESSAGE = "SM" + "e" * 32
LEG = "CA" + "f" * 32
TOKEN = "00112233445566778899aabbccddeeff"
HOST = "https://agent.example.com"
BASE = f"/2010-04-01/Accounts/{ACCOUNT}"


def _example(path, method, name):
    """Twilio's own are the right answers."""
    for operation in twilio_rest.operations():
        if operation.name == f"{method} /2010-04-01/Accounts/{{AccountSid}}{path}":
            return copy.deepcopy(operation.examples[name])
    raise KeyError(path)


def _rest():
    call = _example("/Calls/{Sid}.json", "GET", "fetch")
    recording = _example("/Recordings/{Sid}.json", "GET", "fetch")
    of_call = _example("/Calls/{CallSid}/Recordings/{Sid}.json", "GET", "fetch")
    of_call["price"] = None  # the file's example is a text, its schema says number
    message = _example("/Messages.json", "POST", "create")
    calls = _example("/Calls.json", "GET", "readFullPage1")
    error = {
        "code": 20404,
        "message": "The requested resource was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }
    new_call = {"To": "+4930123456", "From": "+15005550006", "Url": HOST + "/voice"}
    return {
        "fetch call": ("GET", f"/Calls/{CALL}.json", "", {}, 200, call),
        "unknown call": ("GET", f"/Calls/{CALL}.json", "", {}, 404, error),
        "list calls": ("GET", "/Calls.json", "", {}, 200, calls),
        "create call": ("POST", "/Calls.json", "", new_call, 201, call),
        "end call": ("POST", f"/Calls/{CALL}.json", "", {"Status": "completed"}, 200, call),
        "delete call": ("DELETE", f"/Calls/{CALL}.json", "", {}, 204, None),
        "fetch recording": ("GET", f"/Recordings/{RECORDING}.json", "", {}, 200, recording),
        "start recording": (
            "POST", f"/Calls/{CALL}/Recordings.json", "", {"RecordingChannels": "dual"}, 201, of_call,
        ),
        "pause recording": (
            "POST", f"/Calls/{CALL}/Recordings/Twilio.CURRENT.json", "", {"Status": "paused"}, 200, of_call,
        ),
        "audio": ("GET", f"/Recordings/{RECORDING}.wav", "RequestedChannels=2", {}, 200, b"RIFF...."),
        "send message": (
            "POST", "/Messages.json", "",
            {"To": "+4930123456", "From": "+15005550006", "Body": "Hi"}, 201, message,
        ),
    }  # fmt: skip


REST = _rest()
_BASE = {
    "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": CALL, "CallStatus": "in-progress",
    "Called": "+15005550006", "Caller": "+4930123456", "Direction": "inbound", "From": "+4930123456",
    "To": "+15005550006", "FromCity": "", "StirVerstat": "No-TN-Validation",
}  # fmt: skip
_DOCUMENT = "<Response><Hangup/></Response>"
HOOKS = {
    "voice": ({**_BASE, "CallStatus": "ringing"}, _DOCUMENT),
    "dial": (
        {
            **_BASE, "DialCallSid": LEG, "DialCallStatus": "completed", "DialCallDuration": "3",
            "DialBridged": "true",
        },
        _DOCUMENT,
    ),
    "record": (
        {**_BASE, "RecordingSid": RECORDING, "RecordingUrl": HOST + "/r", "RecordingDuration": "3"},
        _DOCUMENT,
    ),
    "gather": ({**_BASE, "Digits": "1"}, _DOCUMENT),
    "fallback": ({**_BASE, "ErrorCode": "11200", "ErrorUrl": HOST + "/voice"}, _DOCUMENT),
    "status": (
        {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": CALL, "CallStatus": "completed",
            "Direction": "inbound", "From": "+4930123456", "To": "+15005550006", "CallDuration": "3",
            "Duration": "1", "Timestamp": "Sat, 21 Nov 2026 18:00:00 +0000",
            "CallbackSource": "call-progress-events", "SequenceNumber": "0",
        },
        "",
    ),
    "recording": (
        {
            "AccountSid": ACCOUNT, "CallSid": CALL, "RecordingSid": RECORDING, "RecordingUrl": HOST + "/r",
            "RecordingStatus": "completed", "RecordingDuration": "3", "RecordingChannels": "2",
            "RecordingStartTime": "Sat, 21 Nov 2026 18:00:00 +0000",
            "RecordingSource": "StartCallRecordingAPI", "RecordingTrack": "both",
        },
        "",
    ),
    "stream": (
        {
            "AccountSid": ACCOUNT, "CallSid": CALL, "StreamSid": STREAM, "StreamName": "x",
            "StreamEvent": "stream-started", "Timestamp": "2026-11-21T18:00:00.000Z",
        },
        "",
    ),
    "message": (
        {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "From": "+15005550006", "To": "+4930123456",
            "MessageSid": MESSAGE, "MessageStatus": "sent", "SmsSid": MESSAGE, "SmsStatus": "sent",
        },
        "",
    ),
}  # fmt: skip
_AUDIO = base64.b64encode(b"\xff" * 160).decode()
MESSAGES = {
    "connected": {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    "start": {
        "event": "start", "sequenceNumber": "1", "streamSid": STREAM,
        "start": {
            "accountSid": ACCOUNT, "streamSid": STREAM, "callSid": CALL, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "a.b"},
        },
    },
    "media": {
        "event": "media", "sequenceNumber": "2", "streamSid": STREAM,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": _AUDIO},
    },
    "dtmf": {
        "event": "dtmf", "sequenceNumber": "2", "streamSid": STREAM,
        "dtmf": {"track": "inbound_track", "digit": "1"},
    },
    "mark": {"event": "mark", "sequenceNumber": "2", "streamSid": STREAM, "mark": {"name": "a"}},
    "stop": {
        "event": "stop", "sequenceNumber": "2", "streamSid": STREAM,
        "stop": {"accountSid": ACCOUNT, "callSid": CALL},
    },
    "play": {"event": "media", "streamSid": STREAM, "media": {"payload": _AUDIO}},
    "send mark": {"event": "mark", "streamSid": STREAM, "mark": {"name": "a"}},
    "clear": {"event": "clear", "streamSid": STREAM},
}  # fmt: skip


def _message(headers, body, **more):
    out = {"headers": list(headers.items()), "truncated": False, **more}
    if isinstance(body, bytes):
        out["body_base64"] = base64.b64encode(body).decode()
    else:
        out["body"] = body
    out["bytes"] = len(body)
    return out


def rest_entry(sample):
    method, path, query, form, status, answer = REST[sample["rest"]]
    form = sample.get("form", form)
    if "long_twiml" in sample:
        form = {"Twiml": "<Response>".ljust(sample["long_twiml"] - 11) + "</Response>"}
    answer = sample.get("answer", answer)
    if isinstance(answer, dict):
        answer = {
            k: v for k, v in {**answer, **sample.get("set", {})}.items() if k not in sample.get("drop", ())
        }
    body = form if isinstance(form, str) else urllib.parse.urlencode(form, doseq=True)
    headers = {"Authorization": "Basic (40 bytes)", **sample.get("headers", {})}
    if body:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    kind = "audio/x-wav" if isinstance(answer, bytes) else "application/json"
    text = json.dumps(answer) if isinstance(answer, (dict, list)) else answer or ""
    query = sample.get("query", query)
    return {
        "kind": "http", "seq": 1, "side": "server", "service": sample.get("service", "post-call"),
        "method": sample.get("method", method),
        "url": "http://127.0.0.1:8080" + sample.get("path", BASE + path) + ("?" + query if query else ""),
        "request": _message(headers, body),
        "answer": _message(sample.get("answer_headers", {"Content-Type": kind}), text,
                           status=sample.get("status", status)),
    }  # fmt: skip


def hook_entry(sample):
    params, document = HOOKS[sample["hook"]]
    params = {k: v for k, v in {**params, **sample.get("set", {})}.items() if k not in sample.get("drop", ())}
    url = sample.get("url", HOST + "/voice/x")
    validator = twilio.request_validator.RequestValidator(TOKEN)
    headers = {
        "X-Twilio-Signature": sample.get("signature") or validator.compute_signature(url, params),
        "I-Twilio-Idempotency-Token": "t",
        "User-Agent": "TwilioProxy/1.1",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        **sample.get("headers", {}),
    }
    document = sample.get("answer", document)
    status = sample.get("status", 200 if document else 204)
    kind = {"Content-Type": sample.get("answer_type", "text/xml")} if document else {}
    return {
        "kind": "http", "seq": 1, "side": "client", "service": "local-cloud", "method": "POST", "url": url,
        "request": _message({k: v for k, v in headers.items() if v}, urllib.parse.urlencode(params)),
        "answer": _message(kind, document, status=status),
    }  # fmt: skip


def _set(message, changes):
    """Members by their paths: {"media.payload": "…"}; null takes one out."""
    for path, value in changes.items():
        *way, last = path.split(".")
        at = message
        for name in way:
            at = at[name]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return message


def stream_entries(sample):
    def entry(direction, kind, **more):
        return {
            "kind": "ws", "seq": 1, "side": "client", "service": "local-cloud", "conn": 1,
            "url": "ws://127.0.0.1:8082/media", "direction": "out" if direction == "from" else "in",
            "type": kind, **more,
        }  # fmt: skip

    validator = twilio.request_validator.RequestValidator(TOKEN)
    signature = sample.get("signature") or validator.compute_signature("ws://127.0.0.1:8082/media", {})
    yield entry("from", "open", headers=[["x-twilio-signature", signature]])
    for direction, what, *changes in sample["stream"]:
        if what in ("close", "binary"):
            yield entry(direction, what, data="")
        else:
            message = MESSAGES.get(what) if isinstance(what, str) else what
            text = (
                json.dumps(_set(copy.deepcopy(message), *changes))
                if message and changes
                else json.dumps(message)
            )
            yield entry(direction, "text", data=text if message else what)


def entries(sample):
    if "rest" in sample:
        return [rest_entry(sample)]
    if "hook" in sample:
        return [hook_entry(sample)]
    if "twiml" in sample:
        return [hook_entry({"hook": "voice", "answer": sample["twiml"]})]
    return list(stream_entries(sample))
