"""Twilio's OpenAPI file (npm @twilio/cli-core) as a judge of REST requests and their answers."""

import json
import re
import urllib.parse

import jsonschema

import judge
import twilio_twiml
from twilio_text import absolute_url, body_of, header

FILE = judge.ENV / "node_modules/@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"
FORM = "application/x-www-form-urlencoded"
RFC2822 = re.compile(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$")
MEDIA = re.compile(r"^/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Recordings/RE[0-9a-fA-F]{32}(\.wav|\.mp3)?$")
TWIML_CHARS_MAX = 4000
# Fields that the file types as plain texts; their words stand in the documentation.
WORDS = {
    "RecordingStatusCallbackEvent": {"in-progress", "completed", "absent"},
    "StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
    "RecordingChannels": {"mono", "dual"},
    "RecordingTrack": {"inbound", "outbound", "both"},
    "Trim": {"trim-silence", "do-not-trim"},
    "PauseBehavior": {"skip", "silence"},
    "MachineDetection": {"Enable", "DetectMessageEnd"},
}
_SPEC = json.loads(FILE.read_text(encoding="utf-8"))


def _resolved(schema):
    """The schema with references followed and `nullable` as JSON Schema says it."""
    if "$ref" in schema:
        schema = _SPEC["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    out = {k: v for k, v in schema.items() if k != "nullable"}
    if "properties" in out:
        out["properties"] = {k: _resolved(v) for k, v in out["properties"].items()}
        out["additionalProperties"] = False  # an answer holds these members, no others
        out["required"] = list(out["properties"])  # and the resource's examples show all of them
    if isinstance(out.get("items"), dict):
        out["items"] = _resolved(out["items"])
    if schema.get("nullable"):
        if "enum" in out:
            out["enum"] = [*out["enum"], None]
        if "type" in out:
            out["type"] = [out["type"], "null"]
    return out


_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("date-time-rfc-2822")
def _date(value):
    return value is None or bool(RFC2822.match(value))


@_formats.checks("currency")
def _currency(value):
    return value is None or bool(re.match(r"^[A-Z]{3}$", value))


@_formats.checks("uri")
def _uri(value):
    return value is None or value.startswith("/2010-04-01/") or absolute_url(value)


@_formats.checks("phone-number")
def _phone(value):
    return not value or _number(value)


@_formats.checks("uri-map")
def _uri_map(value):
    return value is None or all(isinstance(v, str) and v.startswith("/2010-04-01/") for v in value.values())


class _Operation:
    def __init__(self, path, method, spec):
        self.name = f"{method} {path}"
        self.method = method
        self.spec = spec
        self.holes = path.count("{")
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self.pattern = re.compile("^" + pattern + "$")
        self.parameters = {p["name"]: p for p in spec.get("parameters", ()) if p["in"] == "query"}
        self.in_path = {p["name"]: p["schema"] for p in spec.get("parameters", ()) if p["in"] == "path"}
        content = spec.get("requestBody", {}).get("content", {}).get(FORM, {})
        self.form = content.get("schema", {})
        self.answers, self.examples = {}, {}
        for status, answer in spec["responses"].items():
            content = answer.get("content", {}).get("application/json", {})
            self.examples.update({n: e["value"] for n, e in content.get("examples", {}).items()})
            body = content.get("schema")
            checker = body and jsonschema.Draft202012Validator(_resolved(body), format_checker=_formats)
            self.answers[int(status)] = checker

    def answer_findings(self, doc):
        """Of a whole answer, against the schema of the operation's success."""
        checker = next(c for c in self.answers.values() if c)
        return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(doc)]


def _operations():
    found = []
    for path, methods in _SPEC["paths"].items():
        for method in ("get", "post", "delete"):
            if method in methods:
                found.append(_Operation(path, method.upper(), methods[method]))
    return sorted(found, key=lambda o: o.holes)


_OPERATIONS = _operations()


def operations():
    """Every operation of the file; `examples` are Twilio's own answers."""
    return list(_OPERATIONS)


def is_rest(entry):
    path = urllib.parse.urlsplit(entry["url"]).path
    return entry["kind"] == "http" and entry["side"] == "server" and path.startswith("/2010-04-01/")


def _number(text):
    return bool(re.match(r"^\+[1-9]\d{6,14}$", text)) or text.startswith(("client:", "sip:"))


def _twiml_findings(value):
    if len(value) > TWIML_CHARS_MAX:
        yield f"Twiml has {len(value)} characters, {TWIML_CHARS_MAX} are possible (error 32018)"
    yield from twilio_twiml.findings(value)


def _integer(value, schema):
    if not re.match(r"^-?\d+$", value):
        return f"{value!r} is no integer"
    low, high = schema.get("minimum", -(2**63)), schema.get("maximum", 2**63)
    return None if low <= int(value) <= high else f"{value} is not {low} to {high}"


def _value_findings(name, value, schema):
    """One value of a query or a form."""
    if "$ref" in schema:
        schema = _SPEC["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    kind, form = schema.get("type"), schema.get("format")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{name}={value!r} is not one of {', '.join(schema['enum'])}"
    if "pattern" in schema and not re.match(schema["pattern"], value):
        yield f"{name}={value!r} does not match {schema['pattern']}"
    if name in WORDS and value not in WORDS[name]:
        yield f"{name}={value!r} is not one of {', '.join(sorted(WORDS[name]))}"
    if kind == "integer" and _integer(value, schema):
        yield f"{name}: {_integer(value, schema)}"
    if kind == "boolean" and value not in ("true", "false"):
        yield f"{name}={value!r} is neither true nor false"
    if form == "uri" and not absolute_url(value):
        yield f"{name}={value!r} is no absolute URL"
    if form in ("phone-number", "endpoint") and not _number(value):
        yield f"{name}={value!r} is no number in E.164"
    if form == "date-time" and not re.match(r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$", value):
        yield f"{name}={value!r} is no time"
    if form == "twiml":
        yield from _twiml_findings(value)


def _fields_findings(pairs, schemas, required, what):
    seen = set()
    for name, value in pairs:
        schema = schemas.get(name)
        if schema is None:
            yield f"{what} has no {name}"
            continue
        repeats = schema.get("type") == "array"
        if name in seen and not repeats:
            yield f"{name} stands there twice"
        seen.add(name)
        yield from _value_findings(name, value, schema["items"] if repeats else schema)
    for name in required:
        if name not in seen:
            yield f"{what} lacks {name}"


def _request_findings(operation, match, entry, query):
    for name, value in match.groupdict().items():
        pattern = operation.in_path[name].get("pattern")
        if pattern and not re.match(pattern, value):
            yield f"{name} {value!r} in the path does not match {pattern}"
    schemas = {n: p["schema"] for n, p in operation.parameters.items()}
    needed = [n for n, p in operation.parameters.items() if p.get("required")]
    yield from _fields_findings(_pairs(query), schemas, needed, f"the query of {operation.name}")
    if not header(entry["request"], "Authorization").startswith("Basic "):
        yield "no Authorization: Basic"
    body = body_of(entry["request"])
    if body and header(entry["request"], "Content-Type").split(";")[0] != FORM:
        yield f"the body is {header(entry['request'], 'Content-Type')!r}, not {FORM}"
    form = operation.form
    yield from _fields_findings(
        _pairs(body), form.get("properties", {}), form.get("required", ()), f"the form of {operation.name}"
    )


def _pairs(text):
    return urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))


def _error_findings(status, body):
    try:
        doc = json.loads(body)
    except ValueError:
        return [f"the error {status} is no JSON"]
    if not isinstance(doc, dict) or set(doc) != {"code", "message", "more_info", "status"}:
        return [f"the error {status} has not the members code, message, more_info, status: {body[:120]}"]
    found = []
    if type(doc["code"]) is not int or not 10000 <= doc["code"] <= 99999:
        found.append(f"the error's code {doc['code']!r} is no error code")
    if not isinstance(doc["message"], str) or not doc["message"]:
        found.append("the error has no message")
    if doc["more_info"] != f"https://www.twilio.com/docs/errors/{doc['code']}":
        found.append(f"more_info {doc['more_info']!r} is not the error's page")
    if doc["status"] != status:
        found.append(f"the error says status {doc['status']!r}, the answer {status}")
    return found


def _page_findings(doc, url):
    items = next((v for v in doc.values() if isinstance(v, list)), [])
    if len(items) > doc["page_size"]:
        yield f"{len(items)} items on a page of {doc['page_size']}"
    if doc["start"] != doc["page"] * doc["page_size"]:
        yield f"page {doc['page']} of {doc['page_size']} each starts at {doc['start']}"
    if doc["end"] != doc["start"] + max(len(items) - 1, 0):
        yield f"{len(items)} items from {doc['start']} end at {doc['end']}"
    path = urllib.parse.urlsplit(url).path
    for name in ("uri", "first_page_uri", "next_page_uri", "previous_page_uri"):
        if doc[name] is not None and urllib.parse.urlsplit(doc[name]).path != path:
            yield f"{name} {doc[name]!r} is not of {path}"
    if (doc["page"] == 0) != (doc["previous_page_uri"] is None):
        yield f"previous_page_uri of page {doc['page']} is {doc['previous_page_uri']!r}"


def _answer_findings(operation, entry):
    answer = entry["answer"]
    status, body = answer["status"], body_of(answer)
    if status >= 400:
        yield from _error_findings(status, body)
        return
    if status not in operation.answers:
        yield f"answered {status}, possible are {sorted(operation.answers)}"
        return
    checker = operation.answers[status]
    if checker is None:
        if body:
            yield f"a body in an answer {status}"
        return
    if header(answer, "Content-Type").split(";")[0] != "application/json":
        yield f"the answer is {header(answer, 'Content-Type')!r}"
    try:
        doc = json.loads(body)
    except ValueError as why:
        yield f"the answer is no JSON: {why}"
        return
    wrong = False
    for error in checker.iter_errors(doc):
        wrong = True
        yield f"the answer's {error.json_path}: {error.message}"
    if not wrong and "page_size" in doc:
        yield from _page_findings(doc, entry["url"])


def _media_findings(entry, query, ours):
    answer = entry["answer"]
    refused = answer and answer["status"] >= 400
    for name, value in _pairs(query):
        if (name != "RequestedChannels" or value not in ("1", "2")) and (ours or not refused):
            yield f"the audio of a recording has no {name}={value}"
    if not answer:
        return
    if refused:
        yield from _error_findings(answer["status"], body_of(answer))
        return
    if answer["status"] != 200:
        yield f"the audio of a recording was answered {answer['status']}"
    mp3 = urllib.parse.urlsplit(entry["url"]).path.endswith(".mp3")
    expected = "audio/mpeg" if mp3 else "audio/x-wav"
    if header(answer, "Content-Type") != expected:
        yield f"the audio is {header(answer, 'Content-Type')!r}, not {expected}"
    if not mp3 and not body_of(answer, raw=True).startswith(b"RIFF"):
        yield "the audio is no WAV"


def _matching(method, path):
    """The operation; of several paths that fit, the one with the fewest holes."""
    for operation in _OPERATIONS:
        match = operation.pattern.match(path)
        if match and operation.method == method:
            return operation, match
    return None, None


def findings(entry, ours):
    """`ours`: the request must be right. Anybody else's may be wrong, but then it must not be answered as
    if it were right."""
    url = urllib.parse.urlsplit(entry["url"])
    if MEDIA.match(url.path) and entry["method"] == "GET":
        return list(_media_findings(entry, url.query, ours))
    operation, match = _matching(entry["method"], url.path)
    if operation is None:
        refused = entry["answer"] and entry["answer"]["status"] in (404, 405)
        return [] if refused and not ours else [f"Twilio has no {entry['method']} {url.path}"]
    try:
        found = list(_request_findings(operation, match, entry, url.query))
    except ValueError as why:
        found = [f"the form or query cannot be read: {why}"]
    refused = entry["answer"] and entry["answer"]["status"] >= 400
    if found and not ours:
        found = [] if refused else [f"accepted, but {text}" for text in found]
    if entry["answer"]:
        found += _answer_findings(operation, entry)
    return found
