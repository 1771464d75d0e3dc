"""Google's discovery documents, as they come with google-api-python-client, read as a contract: which method
a request calls, and what is wrong with its path, query and body and with the answer.

The documents leave some things to their words: which members exclude each other, what a document's name
looks like. What of that matters here stands in the tables below."""
import base64
import binascii
import collections
import datetime
import functools
import json
import os
import re
import urllib.parse

import googleapiclient

DOCUMENTS = os.path.join(os.path.dirname(googleapiclient.__file__), "discovery_cache", "documents")
APIS = ["firestore.v1", "pubsub.v1", "storage.v1", "iamcredentials.v1"]

# Only the form below a document is described there; the root's is used all the time.
FIRESTORE_ROOT = [("/documents/[^/]+/.*", "/documents(/[^/]+/.*)?"), ("/documents/.*", "/documents(/.*)?")]
# Answers of these are streams: arrays of the described type.
STREAMED = {"runQuery", "batchGet", "runAggregationQuery"}

# Exactly one of these members ("?": or none). The documents' descriptions say "union field".
UNIONS = {
    "Value": ["nullValue", "booleanValue", "integerValue", "doubleValue", "timestampValue", "stringValue",
              "bytesValue", "referenceValue", "geoPointValue", "arrayValue", "mapValue"],
    "Write": ["update", "delete", "transform", "verify"],  # the last is gRPC's, not described
    "FieldTransform": ["setToServerValue", "increment", "maximum", "minimum", "appendMissingElements",
                       "removeAllFromArray"],
    "Filter": ["compositeFilter", "fieldFilter", "unaryFilter"],
    "Precondition": ["?", "exists", "updateTime"],
    "Aggregation": ["count", "sum", "avg"],
    "BatchGetDocumentsResponse": ["?", "found", "missing"],
    "BatchGetDocumentsRequest": ["?", "transaction", "newTransaction", "readTime"],
    "RunQueryRequest": ["?", "transaction", "newTransaction", "readTime"],
    "TransactionOptions": ["?", "readOnly", "readWrite"],
}
# Members that hold a document's full name, by schema.
DOCUMENT_NAMES = {
    ("Document", "name"), ("Write", "delete"), ("DocumentTransform", "document"), ("Value", "referenceValue"),
    ("BatchGetDocumentsRequest", "documents"), ("BatchGetDocumentsResponse", "missing"),
}
DOCUMENT = re.compile(r"projects/[^/]+/databases/[^/]+/documents(/[^/]+/[^/]+)+")
# Said to be required, but also given by the path, or left out when they are 0 or empty.
NOT_REQUIRED = {
    ("Topic", "name"), ("Subscription", "name"), ("ModifyPushConfigRequest", "pushConfig"),
    ("ModifyAckDeadlineRequest", "ackDeadlineSeconds"),
}
# A null in these removes the member (RFC 7396).
NULL_REMOVES = {"storage.objects.patch", "storage.buckets.patch"}

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
FORMATS = {
    "google-datetime": TIME,
    "date-time": TIME,
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "google-duration": re.compile(r"-?\d{1,12}(\.\d{1,9})?s"),
    "google-fieldmask": re.compile(r"([a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*(,(?!$)|$))*"),
}
INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}

Method = collections.namedtuple("Method", "api id http path upload parameters request response")


class Api:
    """One document: its methods and its schemas."""

    def __init__(self, name):
        with open(os.path.join(DOCUMENTS, name + ".json"), encoding="utf-8") as text:
            document = json.load(text)
        self.name = name
        self.version = document["revision"]
        self.schemas = document["schemas"]
        self.parameters = document["parameters"]
        self.methods = list(self._methods(document, "/" + document["servicePath"]))

    def _methods(self, resource, base):
        for m in resource.get("methods", {}).values():
            parameters = m.get("parameters", {})
            upload = m.get("mediaUpload", {}).get("protocols", {}).get("simple", {}).get("path")
            yield Method(
                self,
                m["id"],
                m["httpMethod"],
                self._pattern(base + m["path"], parameters),
                self._pattern(upload, parameters) if upload else None,
                {k: p for k, p in parameters.items() if p["location"] == "query"},
                m.get("request", {}).get("$ref"),
                m.get("response", {}).get("$ref"),
            )
        for child in resource.get("resources", {}).values():
            yield from self._methods(child, base)

    def _pattern(self, template, parameters):
        def one(match):
            pattern = parameters[match[2]].get("pattern", "^[^/]+$") if match[1] else "^[^/]+$"
            return f"(?P<{match[2]}>{pattern[1:-1]})"

        pattern = re.sub(r"\\\{(\\\+)?(\w+)\\\}", one, re.escape(template))
        if self.name == "firestore.v1":
            for narrow, wide in FIRESTORE_ROOT:
                if narrow in pattern:
                    pattern = pattern.replace(narrow, wide)
                    break
        return re.compile(pattern)


@functools.cache
def apis():
    return [Api(name) for name in APIS]


def candidates(http, path, upload):
    """Every method whose path fits, with its path's parameters. Storage's paths are matched raw, since names
    of objects hold %2F."""
    decoded = urllib.parse.unquote(path)
    for api in apis():
        where = path if api.name == "storage.v1" else decoded
        for m in api.methods:
            pattern = m.upload if upload else m.path
            match = pattern.fullmatch(where) if m.http == http and pattern else None
            if match:
                yield m, match.groupdict()


def simple_id(method):
    """firestore.projects.databases.documents.commit → firestore.commit, storage.objects.get as it is."""
    parts = method.id.split(".")
    return method.id if parts[0] == "storage" else f"{parts[0]}.{parts[-1]}"


# --- JSON ---------------------------------------------------------------------------------------


def parse(text):
    """A JSON text, more strictly than Python does: no NaN, no member twice. Raises ValueError."""

    def members(pairs):
        keys = [k for k, _ in pairs]
        twice = {k for k in keys if keys.count(k) > 1}
        if twice:
            raise ValueError(f"member twice: {', '.join(sorted(twice))}")
        return dict(pairs)

    def constant(name):
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, object_pairs_hook=members, parse_constant=constant)


def _short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


class Check:
    """Compares values with schemas. `sent`: by a client; a server's are held to what Google writes, which is
    less than it reads. `numbers`: enums may be numbers."""

    def __init__(self, method, sent, numbers=False):
        self.method = method
        self.schemas = method.api.schemas
        self.sent = sent
        self.numbers = numbers
        self.nulls = sent and method.id in NULL_REMOVES
        self.found = []

    def say(self, where, text):
        self.found.append(f"{where}: {text}")

    def message(self, name, value, where, top=False):
        schema = self.schemas[name]
        if self.value(schema, value, where, name) and isinstance(value, dict):
            self.union(name, value, where)
            self.names(name, value, where)
            if top and self.sent:
                self.required(name, value, where)

    def value(self, schema, value, where, owner=""):
        """True when its type is right."""
        if value is None and self.nulls:
            return True
        if "$ref" in schema:
            self.message(schema["$ref"], value, where)
            return True
        kind = schema.get("type", "any")
        if kind == "any":
            return True
        good = getattr(self, "is_" + kind)(schema, value)
        if not good:
            self.say(where, f"{_short(value)} is no {schema.get('format', kind)}")
        elif kind == "object":
            self.members(schema, value, where, owner)
        elif kind == "array":
            for i, item in enumerate(value):
                self.value(schema["items"], item, f"{where}[{i}]", owner)
        elif "enum" in schema:
            self.enum(schema, value, where)
        return good

    def members(self, schema, value, where, owner):
        known = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for key, item in value.items():
            described = known.get(key, others)
            if described is None:
                self.say(where, f"unknown field {key}" + (f" in {owner}" if owner else ""))
            else:
                self.value(described, item, f"{where}.{key}")

    def enum(self, schema, value, where):
        known = schema["enum"]
        if "NULL_VALUE" in known and (value is None or not self.sent):
            fits = value is None  # what is written for it
        elif isinstance(value, int):
            fits = self.numbers and 0 <= value <= len(known) + 1  # numbers are not given; one may be reserved
        else:
            fits = value in known and not value.endswith("_UNSPECIFIED")
        if not fits:
            self.say(where, f"{_short(value)} is none of {', '.join(known[:12])}")

    def union(self, name, value, where):
        members = UNIONS.get(name)
        if not members:
            return
        n = sum(1 for m in members if m in value)
        if n > 1 or (n == 0 and members[0] != "?"):
            self.say(where, f"{name} has {n} of {', '.join(m for m in members if m != '?')}")

    def names(self, name, value, where):
        for schema, member in DOCUMENT_NAMES:
            if schema != name or member not in value:
                continue
            texts = value[member] if isinstance(value[member], list) else [value[member]]
            for text in texts:
                if isinstance(text, str) and not DOCUMENT.fullmatch(text):
                    self.say(f"{where}.{member}", f"{_short(text)} is no document's name")

    def required(self, name, value, where):
        for key, described in self.schemas[name].get("properties", {}).items():
            said = described.get("description", "").startswith("Required.")
            listed = self.method.id in described.get("annotations", {}).get("required", [])
            if (said or listed) and key not in value and (name, key) not in NOT_REQUIRED:
                self.say(where, f"required field {key} is missing")

    # types

    def is_object(self, _schema, value):
        return isinstance(value, dict)

    def is_array(self, _schema, value):
        return isinstance(value, list)

    def is_boolean(self, _schema, value):
        return isinstance(value, bool)

    def is_integer(self, schema, value):
        low, high = INTEGERS[schema.get("format", "int32")]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    def is_number(self, _schema, value):
        if isinstance(value, str):
            return value in ("NaN", "Infinity", "-Infinity")
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    def is_string(self, schema, value):
        kind = schema.get("format")
        if "enum" in schema and self.sent and isinstance(value, int) and not isinstance(value, bool):
            return True  # enum() decides
        if "enum" in schema and value is None and "NULL_VALUE" in schema["enum"]:
            return True
        if kind in ("int64", "uint64"):
            return self._is_long(kind, value)
        if not isinstance(value, str):
            return False
        return self._is_formatted(kind, value)

    def _is_long(self, kind, value):
        if isinstance(value, bool) or (not self.sent and not isinstance(value, str)):
            return False
        if isinstance(value, str) and not re.fullmatch(r"-?\d{1,20}", value):
            return False
        low, high = INTEGERS[kind]
        return isinstance(value, (int, str)) and low <= int(value) <= high

    def _is_formatted(self, kind, value):
        if kind == "byte":
            return _is_base64(value)
        pattern = FORMATS.get(kind)
        if not pattern:
            return True
        if not pattern.fullmatch(value):
            return False
        if pattern is not TIME:
            return True
        return (self.sent or value.endswith("Z")) and _is_time(value)


def _is_base64(text):
    try:
        base64.b64decode(text, validate=True)
        return True
    except binascii.Error:
        return False


def _is_time(text):
    try:
        datetime.datetime.fromisoformat(text[:19])
        return True
    except ValueError:
        return False


# --- queries ------------------------------------------------------------------------------------


def query_findings(method, pairs, sent_by_google):
    """What is wrong with the query; `pairs` is decoded. Google's clients send system parameters with $."""
    known = {**method.api.parameters, **method.parameters}
    count = collections.Counter(key for key, _ in pairs)
    for key, value in pairs:
        name = key[1:] if sent_by_google and key.startswith("$") and key not in known else key
        described = known.get(name)
        if described is None:
            yield f"query: unknown parameter {key}"
            continue
        problem = _query_value(described, value.split(";")[0] if name == "alt" else value)
        if problem:
            yield f"query {key}: {_short(value)} {problem}"
    for key, n in count.items():
        if n > 1 and not known.get(key, {}).get("repeated"):
            yield f"query {key}: given {n} times"
    for key, described in method.parameters.items():
        if described.get("required") and key not in count:
            yield f"query: required parameter {key} is missing"


def _query_value(described, text):
    kind, form = described["type"], described.get("format")
    if "enum" in described:
        return None if text in described["enum"] else f"is none of {', '.join(described['enum'])}"
    if "pattern" in described and not re.fullmatch(described["pattern"], text):
        return f"does not match {described['pattern']}"
    if kind == "boolean":
        return None if text in ("true", "false") else "is no boolean"
    if form in INTEGERS:
        low, high = INTEGERS[form]
        fits = re.fullmatch(r"-?\d{1,20}", text) and low <= int(text) <= high
        return None if fits else f"is no {form}"
    if form == "byte" and not _is_base64(text.replace("-", "+").replace("_", "/")):
        return "is no byte"
    if form in FORMATS and not FORMATS[form].fullmatch(text):
        return f"is no {form}"
    return None
