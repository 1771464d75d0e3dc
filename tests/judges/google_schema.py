"""What is wrong, by Google's documents, with an exchange of the record: both what was asked and what was
answered. Findings are sentences; none is good.

    for finding in findings(entry): …

What the discovery documents do not describe has a checker of its own in SPECIAL, with the reason."""
import base64
import binascii
import collections
import email.parser
import email.policy
import re
import urllib.parse

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

import google_discovery as discovery
import routing

OURS = "voice-concierge"  # how the User-Agent of our own programs begins
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
ACKS = (102, 200, 201, 202, 204)
# Wrong by the documents, and yet answered, as Google answers it.
ANSWERED = [
    ("unknown parameter $alt", "Google's clients send it"),
    (" is none of ", "enums may be numbers"),
    ("google-fieldmask", "a mask may name fields in snake case"),
    ("/storage/v1 is missing", "Google's Node client leaves it out when it is given an emulator"),
    ("Content-Type is None", "Storage takes a body without it for JSON"),
    (" is no double", "numbers may be texts"),
    (" is no byte", "base64 may be the URL's, and without padding"),
    ("unknown field verify in Write", "Google's emulator knows it by REST as well"),
]


class Exchange:
    """An entry of the record, taken apart."""

    def __init__(self, entry):
        self.entry = entry
        self.method = entry["method"]
        split = urllib.parse.urlsplit(entry["url"])
        self.path = split.path or "/"
        self.query = urllib.parse.parse_qsl(split.query, keep_blank_values=True, max_num_fields=200)
        self.request = entry["request"]
        self.answer = entry.get("answer")
        self.status = self.answer["status"] if self.answer else None
        self.by_us = (routing.header(self.request, "User-Agent") or "").startswith(OURS)
        self.found = []

    def say(self, text):
        self.found.append(text)

    def parameter(self, name):
        return next((value for key, value in self.query if key == name), None)

    def asked(self, name):
        return routing.header(self.request, name)

    def answered(self, name):
        return routing.header(self.answer, name)


def body(message):
    """Its bytes, or None when the record holds only their beginning."""
    if message.get("truncated"):
        return None
    if "body_base64" in message:
        return base64.b64decode(message["body_base64"])
    return message.get("body", "").encode()


def findings(entry):
    """Sentences, each beginning with where it was found."""
    if entry.get("kind") != "http":
        return [f"{_where(entry)}: GET {entry['url']}: a web socket on a path of Google's"]
    x = Exchange(entry)
    try:
        _judge(x)
    except (UnicodeDecodeError, binascii.Error) as why:
        x.say(f"unreadable: {why}")
    return [f"{_where(entry)}: {entry['method']} {x.path}: {text}" for text in x.found]


def _where(entry):
    return entry.get("where", f"entry {entry.get('seq', '?')}")


def _judge(x):
    if x.entry["side"] == "client" and _is_push(x):
        _push(x)
        return
    for http, path, fits, checker, _why in SPECIAL:
        if re.fullmatch(http, x.method) and re.fullmatch(path, x.path) and fits(x):
            checker(x)
            return
    _described(x)


# --- what the documents describe ----------------------------------------------------------------


def _described(x):
    path, upload = x.path, x.path.startswith("/upload/")
    if path.startswith("/b/") or path == "/b":
        # With STORAGE_EMULATOR_HOST Google's Node client leaves the first part out.
        if x.by_us:
            x.say("/storage/v1 is missing")
        path = "/storage/v1" + path
    if path.startswith("/download/"):
        path = path[len("/download") :]
    best = None
    for method, parameters in discovery.candidates(x.method, path, upload):
        found = list(_method_findings(x, method, parameters, upload))
        if best is None or len(found) < len(best):
            best = found
    if best is None:
        x.say("no method of Google's")
    x.found += best or []


def method_of(x):
    """Which method is called: "firestore.commit", "storage.objects.get"; None when none fits. A
    documents.get and a .list look alike: the number of segments decides."""
    path = x.path[len("/download") :] if x.path.startswith("/download/") else x.path
    path = "/storage/v1" + path if re.match("/b(/|$)", path) else path
    for method, parameters in discovery.candidates(x.method, path, x.path.startswith("/upload/")):
        if not list(_path_findings(method, parameters)):
            return method
    return None


def _method_findings(x, method, parameters, upload):
    if _rightly_refused(x):
        yield from _answer_findings(x, method)
        return
    yield from _path_findings(method, parameters)
    query = [(k, v) for k, v in x.query if not (upload and k == "uploadType")]
    yield from discovery.query_findings(method, query, not x.by_us)
    yield from _request_findings(x, method, upload)
    if x.answer:
        yield from _answer_findings(x, method)


def _rightly_refused(x):
    """Tests ask what is wrong on purpose; a fault that was told is no finding. Ours are: refusals()."""
    return not x.by_us and x.status == 400


def _path_findings(method, parameters):
    """In Firestore the number of segments tells documents from collections."""
    if not method.id.startswith("firestore.projects.databases.documents."):
        return
    for key in ("name", "parent"):
        inside = parameters.get(key, "").partition("/documents")[2].strip("/")
        segments = inside.split("/") if inside else []
        if len(segments) % 2:
            yield f"{key}: an odd number of segments"
        if "" in segments:
            yield f"{key}: an empty segment"


def _request_findings(x, method, upload):
    data = body(x.request)
    if upload:
        yield from _upload_findings(x, method, data)
    elif data is not None:
        numbers = any(k == "$alt" and "enum-encoding=int" in v for k, v in x.query)
        yield from _message_findings("request", method, method.request, data, True, numbers)
        if data and not (x.asked("Content-Type") or "").startswith("application/json"):
            yield f"request: Content-Type is {x.asked('Content-Type')}"


def _message_findings(side, method, ref, data, sent, numbers=False):
    """A body against its schema; `data` may be empty where nothing is described."""
    if not ref:
        if data and data.strip() != b"{}":
            yield f"{side}: a body where none is described"
        return
    if not data and sent:  # as {}
        data = b"{}"
    try:
        value = discovery.parse(data.decode())
    except ValueError as why:
        yield f"{side}: no JSON: {why}"
        return
    check = discovery.Check(method, sent, numbers)
    if not sent and method.id.split(".")[-1] in discovery.STREAMED:
        if not isinstance(value, list) or not value:
            yield f"{side}: no array of {ref}"
            return
        for i, item in enumerate(value):
            check.message(ref, item, f"{side}[{i}]")
    else:
        check.message(ref, value, side, top=True)
    yield from check.found


def _answer_findings(x, method):
    data = body(x.answer)
    if x.status >= 400:
        yield from _error_findings(x, method, data)
    elif x.status == 304:
        if data:
            yield "answer: a body with 304"
    elif x.parameter("alt") == "media" and x.status in (200, 206):
        yield from _media_findings(x, data)
    elif x.status == 204 and not method.response:
        if data:
            yield "answer: a body with 204"
    elif x.status != 200:
        yield f"answer: status {x.status}"
    elif data is not None and not _begins_session(x):
        asked = body(x.request) or b""
        if data == b"[]" and method.id.endswith(".batchGet") and b"/documents/" not in asked:
            return  # for nothing
        yield from _message_findings("answer", method, method.response, data, False)
        if not (x.answered("Content-Type") or "").startswith("application/json"):
            yield f"answer: Content-Type is {x.answered('Content-Type')}"


# --- errors -------------------------------------------------------------------------------------


def _error_findings(x, method, data):
    """https://cloud.google.com/apis/design/errors; Storage has the older form."""
    if x.method == "HEAD" or data is None:
        return
    storage = method.id.startswith("storage.")
    try:
        value = discovery.parse(data.decode())
    except ValueError as why:
        # Media downloads and Storage's front end answer with a sentence.
        if not (storage and x.parameter("alt") == "media" and data):
            yield f"error: no JSON: {why}"
        return
    if isinstance(value, list) and len(value) == 1 and x.path.split(":")[-1] in discovery.STREAMED:
        value = value[0]  # in production, not in the emulator
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or list(value) != ["error"]:
        yield "error: not of the form {error: {…}}"
        return
    if error.get("code") != x.status:
        yield f"error: code is {error.get('code')}, the answer's status {x.status}"
    if not isinstance(error.get("message"), str) or not error.get("message"):
        yield "error: no message"
    yield from (_storage_error if storage else _rpc_error)(x, error)


def _rpc_error(x, error):
    status = error.get("status")
    if STATUSES.get(status) != x.status:
        yield f"error: status {status} with {x.status}"
    for key in error.keys() - {"code", "message", "status", "details"}:
        yield f"error: unknown field {key}"


def _storage_error(_x, error):
    items = error.get("errors")
    if not isinstance(items, list) or not items:
        yield "error: no errors"
        return
    for item in items:
        for key in ("domain", "reason", "message"):
            if not isinstance(item.get(key), str) or not item[key]:
                yield f"error: errors without {key}"
        for key in item.keys() - {"domain", "reason", "message", "locationType", "location", "debugInfo"}:
            yield f"error: unknown field {key} in errors"
    for key in error.keys() - {"code", "message", "errors", "status", "details"}:
        yield f"error: unknown field {key}"


# --- uploads and downloads ----------------------------------------------------------------------


def _begins_session(x):
    """Its answer is a Location."""
    return x.method == "POST" and x.parameter("uploadType") == "resumable"


def _upload_findings(x, method, data):
    kind = x.parameter("uploadType")
    if kind not in ("media", "multipart", "resumable"):
        yield f"query uploadType: {kind} is none of media, multipart, resumable"
    named = x.parameter("name")
    if kind == "resumable":
        yield from _session_findings(x, method, data)
        metadata = data
    elif kind == "multipart":
        metadata = _first_part(x, data) if data is not None else None
        if data is not None and metadata is None:
            yield "request: no multipart/related of metadata and data"
        elif metadata is not None:
            yield from _message_findings("metadata", method, method.request, metadata, True)
    else:
        metadata = b"{}"
    if metadata is not None and not named and b'"name"' not in metadata:
        yield "request: neither the query nor the metadata name the object"


def _session_findings(x, method, data):
    if data:
        yield from _message_findings("metadata", method, method.request, data, True)
    if x.status == 200:
        location = urllib.parse.urlsplit(x.answered("Location") or "")
        if not location.netloc or "upload_id=" not in location.query:
            yield "answer: no Location with an upload_id"


def _first_part(x, data):
    kind = x.asked("Content-Type") or ""
    if not kind.startswith("multipart/related"):
        return None
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    parts = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + data).get_payload()
    if not isinstance(parts, list) or len(parts) != 2 or parts[0].get_content_type() != "application/json":
        return None
    return parts[0].get_payload(decode=True)


def _media_findings(x, data):
    """Not in the documents: https://cloud.google.com/storage/docs/xml-api/reference-headers."""
    if not re.search(r"crc32c=[A-Za-z0-9+/]{6}==", x.answered("x-goog-hash") or ""):
        yield "answer: no x-goog-hash with crc32c"
    if not (x.answered("x-goog-generation") or "").isdigit():
        yield "answer: no x-goog-generation"
    if x.status == 206:
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", x.answered("Content-Range") or "")
        if not match or not int(match[1]) <= int(match[2]) < int(match[3]):
            yield f"answer: Content-Range is {x.answered('Content-Range')}"
        elif data is not None and len(data) != int(match[2]) - int(match[1]) + 1:
            yield f"answer: {len(data)} bytes with {x.answered('Content-Range')}"
        if not x.asked("Range"):
            yield "answer: 206 without a Range"


def _session_put(x):
    """https://cloud.google.com/storage/docs/performing-resumable-uploads"""
    if not x.parameter("upload_id"):
        x.say("query: required parameter upload_id is missing")
    content = x.asked("Content-Range")
    data = body(x.request)
    match = re.fullmatch(r"bytes (?:\*|(\d+)-(\d+|\*))/(\d+|\*)", content or "bytes */*")
    if not match:
        x.say(f"request: Content-Range is {content}")
    elif match[1] and match[2] != "*" and data is not None and len(data) != int(match[2]) - int(match[1]) + 1:
        x.say(f"request: {len(data)} bytes with {content}")
    elif match[3] == "*" and match[2] and match[2] != "*" and (int(match[2]) + 1) % 262144:
        x.say("request: a chunk that is not the last is no multiple of 256 KiB")
    # With X-GUploader-No-308 the answer says it in a header.
    if x.status == 308 or x.answered("X-HTTP-Status-Code-Override") == "308":
        stored = x.answered("Range")
        if stored and not re.fullmatch(r"bytes=0-\d+", stored):
            x.say(f"answer: Range is {stored}")
    elif x.status == 201:
        x.say("answer: status 201")
    elif x.answer:
        _session_end(x)


def _session_delete(x):
    if not x.parameter("upload_id"):
        x.say("query: required parameter upload_id is missing")
    if x.answer and x.status not in (499, 404, 410):
        x.say(f"answer: status {x.status}")


def _session_end(x):
    insert = next(m for api in discovery.apis() for m in api.methods if m.id == "storage.objects.insert")
    x.found += _answer_findings(x, insert)


# --- metadata server, tokens, keys --------------------------------------------------------------


def _metadata(x):
    """https://cloud.google.com/compute/docs/metadata/querying-metadata"""
    asked, data = x.asked("Metadata-Flavor"), body(x.answer) if x.answer else None
    if asked != "Google" and x.by_us:
        x.say("request: no Metadata-Flavor: Google")
    if x.asked("X-Forwarded-For"):
        x.say("request: X-Forwarded-For")
    if data is None:
        return
    if x.answered("Metadata-Flavor") != "Google":
        x.say("answer: no Metadata-Flavor: Google")
    if asked != "Google" and x.status == 200:
        x.say("answer: 200 without Metadata-Flavor: Google")
    if x.status != 200:
        return
    if x.path.endswith("/token"):
        _access_token(x, data)
    elif x.path.endswith("/identity"):
        if not x.parameter("audience"):
            x.say("query: required parameter audience is missing")
        if not re.fullmatch(rb"[\w-]+\.[\w-]+\.[\w-]+", data) and not data.startswith(b"("):
            x.say("answer: no token")


def _access_token(x, data):
    if not data or data.startswith(b"("):  # masked in the record
        return
    try:
        token = discovery.parse(data.decode())
    except ValueError as why:
        x.say(f"answer: no JSON: {why}")
        return
    if not isinstance(token.get("access_token"), str) or token.get("token_type") != "Bearer":
        x.say("answer: no access_token of type Bearer")
    if not isinstance(token.get("expires_in"), int) or not 0 < token["expires_in"] <= 3600:
        x.say(f"answer: expires_in is {token.get('expires_in')}")


def _token_endpoint(x):
    """RFC 6749 §5, RFC 7523."""
    if not (x.asked("Content-Type") or "").startswith("application/x-www-form-urlencoded"):
        x.say(f"request: Content-Type is {x.asked('Content-Type')}")
    data = body(x.request)
    form = dict(urllib.parse.parse_qsl((data or b"").decode()))
    if data and not form.get("grant_type"):
        x.say("request: no grant_type")
    answer = body(x.answer) if x.answer else None
    if not answer:
        return
    try:
        value = discovery.parse(answer.decode())
    except ValueError as why:
        x.say(f"answer: no JSON: {why}")
        return
    if x.status == 200 and "id_token" not in value:
        _access_token(x, answer)
    elif x.status != 200 and not isinstance(value.get("error"), str):
        x.say("answer: no error")


def _certs(x):
    """RFC 7517, or a map of key ids to certificates."""
    if not x.answer:
        return
    if x.status != 200:
        x.say(f"answer: status {x.status}")
        return
    if not re.search(r"max-age=\d+", x.answered("Cache-Control") or ""):
        x.say("answer: no Cache-Control with max-age")
    try:
        value = discovery.parse((body(x.answer) or b"").decode())
    except ValueError as why:
        x.say(f"answer: no JSON: {why}")
        return
    if x.path == "/oauth2/v3/certs":
        for key in value.get("keys", [{}]) or [{}]:
            missing = [k for k in ("kty", "alg", "use", "kid", "n", "e") if not isinstance(key.get(k), str)]
            if missing:
                x.say(f"answer: a key without {', '.join(missing)}")
    elif not value or not all(v.startswith("-----BEGIN CERTIFICATE-----") for v in value.values()):
        x.say("answer: no certificates")


def _probe(x):
    if x.answer and x.status != 200:
        x.say(f"answer: status {x.status}")


def _anything(_x):
    pass


# Method, path, condition, checker, and why the discovery documents do not decide.
SPECIAL = [
    ("GET", "/computeMetadata/.*", lambda x: True, _metadata, "the metadata server is no API of its own"),
    ("POST", "/token|/oauth2/v4/token", lambda x: True, _token_endpoint, "OAuth's RFCs describe it"),
    ("GET", r"/oauth2/v[13]/certs", lambda x: True, _certs, "RFC 7517 describes it"),
    ("GET", "/", lambda x: True, _probe, "clients ask whether a metadata server is there"),
    ("PUT", r"/upload/storage/v1/b/[^/]+/o", lambda x: True, _session_put, "their PUTs are not described"),
    ("DELETE", r"/upload/storage/v1/b/[^/]+/o", lambda x: True, _session_delete, "nor is their cancellation"),
    ("DELETE", r"/emulator/v1/.*", lambda x: not x.by_us, _anything, "the emulator's own reset, for tests"),
]


# --- pushes and events --------------------------------------------------------------------------


def _is_push(x):
    return x.path.startswith("/push/") or (x.asked("User-Agent") or "").startswith("CloudPubSub")


def _push(x):
    """https://cloud.google.com/pubsub/docs/push: the PubsubMessage of the document, wrapped; its names are
    given in snake case as well."""
    if x.method != "POST":
        x.say("no POST")
    if not (x.asked("User-Agent") or "").startswith("CloudPubSub-Google"):
        x.say(f"request: User-Agent is {x.asked('User-Agent')}")
    if x.path.startswith("/push/") and not (x.asked("Authorization") or "").startswith("Bearer "):
        x.say("request: no identity token")
    data = body(x.request)
    if data is not None and not x.asked("x-goog-pubsub-message-id"):
        if x.asked("Content-Type") != "application/json":
            x.say(f"request: Content-Type is {x.asked('Content-Type')}")
        _envelope(x, data)
    if x.path.startswith("/push/") and x.answer and x.status in ACKS and (x.status != 204 or body(x.answer)):
        x.say(f"answer: an ack that is no empty 204 ({x.status})")


def _envelope(x, data):
    try:
        value = discovery.parse(data.decode())
        message = dict(value["message"])
    except (ValueError, KeyError, TypeError) as why:
        x.say(f"request: no envelope: {why}")
        return
    for key in value.keys() - {"message", "subscription", "deliveryAttempt"}:
        x.say(f"request: unknown field {key} in the envelope")
    if not re.fullmatch(r"projects/[^/]+/subscriptions/[^/]+", str(value.get("subscription"))):
        x.say(f"request: subscription is {value.get('subscription')}")
    attempt = value.get("deliveryAttempt", 1)
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 1:
        x.say(f"request: deliveryAttempt is {attempt}")
    for snake, camel in (("message_id", "messageId"), ("publish_time", "publishTime")):
        if not message.get(camel):
            x.say(f"request: message without {camel}")
        if message.pop(snake, None) != message.get(camel):
            x.say(f"request: {snake} is not {camel}")
    pull = next(m for api in discovery.apis() for m in api.methods if m.id.endswith("subscriptions.pull"))
    check = discovery.Check(pull, False)
    check.message("PubsubMessage", message, "request.message")
    x.found += check.found
    if not message.get("data") and not message.get("attributes"):
        x.say("request: a message with neither data nor attributes")
    if x.path.startswith("/push/") and not check.found:
        x.found += event_findings(message, "request.message")


def event_findings(message, where):
    """A PubsubMessage of ours is a CloudEvent 1.0 in JSON, its id and type attributes and its subject the
    ordering key (docs/contracts.md)."""
    data = base64.b64decode(message.get("data", ""))
    try:
        event = JSONFormat().read(CloudEvent, data)
    except Exception as why:  # the package raises what it likes
        yield f"{where}: no CloudEvent: {why}"
        return
    attributes = message.get("attributes", {})
    for name, value in (("id", event.get_id()), ("type", event.get_type())):
        if attributes.get(name) != value:
            yield f"{where}: attribute {name} is {attributes.get(name)}, the event's {value}"
    if message.get("orderingKey") != event.get_subject():
        yield f"{where}: ordering key {message.get('orderingKey')}, the event's subject {event.get_subject()}"
    if event.get_datacontenttype() != "application/json":
        yield f"{where}: datacontenttype is {event.get_datacontenttype()}"


def publish_findings(entry):
    """The events that a service of ours publishes."""
    if entry["kind"] != "http":
        return
    x = Exchange(entry)
    data = body(x.request)
    if not x.by_us or x.method != "POST" or not x.path.endswith(":publish") or data is None:
        return
    try:
        messages = discovery.parse(data.decode())["messages"]
        for i, message in enumerate(messages):
            for text in event_findings(message, f"messages[{i}]"):
                yield f"{_where(entry)}: POST {x.path}: {text}"
    except (ValueError, KeyError, TypeError, AttributeError) as why:
        yield f"{_where(entry)}: POST {x.path}: no messages: {why}"


# --- the whole record ---------------------------------------------------------------------------


def called(entry):
    """A short name of what was called, for counting: "firestore.commit", "storage.objects.get media",
    "storage.session.put", "push", "metadata"."""
    if entry["kind"] != "http":
        return entry["kind"]
    x = Exchange(entry)
    if x.entry["side"] == "client" and _is_push(x):
        return "push"
    if x.path.startswith("/computeMetadata/"):
        return "metadata"
    if x.path.startswith("/upload/") and x.method in ("PUT", "DELETE"):
        return f"storage.session.{x.method.lower()}"
    method = method_of(x)
    if method is None:
        return f"{x.method} {x.path}"
    kind = x.parameter("uploadType") or ("media" if x.parameter("alt") == "media" else "")
    return f"{discovery.simple_id(method)} {kind}".strip()


def refusals(entry):
    """An answer that says that our own request was wrong, which no service of ours should ever be told. A
    lost race or a missing document is no such answer."""
    if entry["kind"] != "http":
        return
    x = Exchange(entry)
    if not x.by_us or not x.answer or x.status in (404, 409, 412, 416, 429) or x.status < 400:
        return
    text = (body(x.answer) or b"").decode(errors="replace")
    if "FAILED_PRECONDITION" not in text:
        yield f"{_where(entry)}: {x.method} {x.path}: our request was refused: {x.status} {text[:200]}"


def judge(entries):
    """Every finding of a record, each kind once with where it came first; entries of other owners are left to
    their validators."""
    first, count = {}, collections.Counter()
    for entry in entries:
        if routing.owner(entry) != "google":
            continue
        for finding in (*findings(entry), *publish_findings(entry), *refusals(entry)):
            kind = (called(entry), re.sub(r"\[\d+\]", "[]", finding.split(": ", 2)[2]))
            first.setdefault(kind, finding)
            count[kind] += 1
    return [text + (f" (and {count[k] - 1} more)" if count[k] > 1 else "") for k, text in first.items()]


def server_findings(entries):
    """Of a record in which clients ask wrong things on purpose: what our stand-ins answer and push, and which
    wrong requests they do not refuse."""
    for entry in entries:
        if routing.owner(entry) != "google":
            continue
        status = (entry.get("answer") or {}).get("status", 0)
        for finding in findings(entry):
            if entry["side"] == "client":
                by_us = called(entry) == "push"
            else:
                by_us = finding.split(": ", 2)[2].startswith(("answer", "error"))
            if by_us:
                yield finding
            elif 200 <= status < 300 and not any(text in finding for text, _why in ANSWERED):
                yield finding + " (and was answered nevertheless)"
