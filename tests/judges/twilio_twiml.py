"""TwiML documents against the attributes and nesting of npm twilio's typings, and Twilio's rules for values.

Twilio ignores most of these mistakes in silence: an attribute that it does not know, a verb in a place where
it does not count, a document after the point where nothing is reached."""

import re
import urllib.parse
import xml.etree.ElementTree

import judge
from twilio_text import E164, absolute_url, override_findings

TYPINGS = judge.ENV / "node_modules/twilio/lib/twiml/VoiceResponse.d.ts"
DOCUMENT_BYTES_MAX = 64000
SAY_CHARS_MAX = 4096
PARAMETER_CHARS_MAX = 499
NOUNS_OF_DIAL_MAX = 10
ENDS = {"Hangup", "Reject", "Redirect", "Leave"}  # what stands behind them is never reached
# Whole numbers, and their limits.
RANGES = {
    ("Dial", "timeout"): (5, 600),
    ("Dial", "timeLimit"): (1, 86400),
    ("Pause", "length"): (1, 3600),
    ("Record", "timeout"): (1, 600),
    ("Record", "maxLength"): (1, 14400),
    ("Gather", "timeout"): (1, 600),
    ("Gather", "numDigits"): (1, 1000),
    ("Say", "loop"): (0, 1000),
    ("Play", "loop"): (0, 1000),
}
DIGITS = {
    ("Play", "digits"): "0123456789*#wW",
    ("Number", "sendDigits"): "0123456789*#wW",
    ("Record", "finishOnKey"): "0123456789*#",
    ("Gather", "finishOnKey"): "0123456789*#",
}
ABSOLUTE = {"statusCallback", "recordingStatusCallback", "amdStatusCallback", "eventCallbackUrl"}
ANY_URL = {"action", "url", "waitUrl", "referUrl", "partialResultCallback", "transcribeCallback"}


class _Typings:
    """children[parent][child] is the name of its attributes' interface, or None; texts: elements that hold
    text; attributes[interface][name] is its TypeScript type; words[type] is what an enumeration holds."""

    def __init__(self, source):
        self.words = {}
        for name, values in re.findall(r"^    type (\w+) = (.*);$", source, re.M):
            self.words[name] = set(re.findall(r'"([^"]*)"', values))
        self.attributes = {}
        for name, body in re.findall(r"export interface (\w+)Attributes \{(.*?)\n    \}", source, re.S):
            self.attributes[name] = dict(re.findall(r'^        "?([\w:-]+)"?\?: (.*);$', body, re.M))
        self.children, self.texts = {}, set()
        root = source[: source.index("declare namespace VoiceResponse")]
        self._read_class("Response", root)
        for body in re.findall(r"export class \w+ extends TwiML \{(.*?)\n    \}", source, re.S):
            tag = re.search(r"<([\w-]+)> T[wW]i[mM][lL] (?:Verb|Noun)[^*]*\*/\s*constructor", body)
            if tag:
                self._read_class(tag[1], body)

    def _read_class(self, tag, body):
        children = self.children.setdefault(tag, {})
        pattern = r"/\*\*\s*\* <([\w-]+)> T[wW]i[mM][lL] (?:Verb|Noun).*?\*/((?:\s*\w+\([^;]*;)+)"
        for child, methods in re.findall(pattern, body, re.S):
            if "constructor(" in methods:
                continue
            interface = re.search(r"VoiceResponse\.(\w+)Attributes", methods)
            children[child] = interface[1] if interface else None
            if re.search(r"\((?:.*, )?(?!attributes)\w+\??: string\)", methods):
                self.texts.add(child)


_typings = _Typings(TYPINGS.read_text(encoding="utf-8"))


def _value_finding(tag, name, value, kind):
    """One attribute's value against its type and its limits."""
    if kind == "number" and not re.match(r"^\d+$", value):
        return "is no number"
    if kind == "boolean" and value not in ("true", "false"):
        return "is neither true nor false"
    many = kind.endswith("[]")
    words = _typings.words.get(kind.removesuffix("[]"))
    if words is not None and not set(value.split(" ") if many else [value]) <= words:
        return f"is not of {', '.join(sorted(words)[:8])}"
    if name.lower().endswith("method") and value not in ("GET", "POST"):
        return "is neither GET nor POST"
    low, high = RANGES.get((tag, name), (0, 2**31))
    if kind == "number" and not low <= int(value) <= high:
        return f"is not {low} to {high}"
    if set(value) - set(DIGITS.get((tag, name), value)):
        return f"has other characters than {DIGITS[tag, name]}"
    if name in ABSOLUTE and not absolute_url(value):
        return "is no absolute URL"
    if name in ANY_URL and tag != "Stream" and not _callable(value):
        return "is no URL"
    return None


def _callable(text):
    """Absolute, or relative to the document."""
    return absolute_url(text) or absolute_url(urllib.parse.urljoin("https://agent.example.com/voice/", text))


def _attribute_findings(node, interface):
    known = _typings.attributes.get(interface, {})
    for name, value in node.attrib.items():
        if name not in known:
            yield f"<{node.tag}> has no attribute {name}"
            continue
        wrong = _value_finding(node.tag, name, value, known[name])
        if wrong:
            yield f"<{node.tag} {name}={value!r}> {wrong}"
        if name in ABSOLUTE | ANY_URL:
            for text in override_findings(value):
                yield f"<{node.tag} {name}={value!r}>: {text}"


def _loopback(url):
    return urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost")


def _stream_findings(node, parent):
    url = node.get("url", "")
    if not absolute_url(url, ("wss",)) and not (absolute_url(url, ("ws",)) and _loopback(url)):
        yield f"<Stream url={url!r}> is no absolute wss URL (errors 31922, 31923)"
    if "?" in url or "#" in url:
        yield f"<Stream url={url!r}> has a query, which Twilio drops"
    if parent.tag == "Connect" and node.get("track", "inbound_track") != "inbound_track":
        yield f"<Stream track={node.get('track')!r}> is not possible in <Connect> (error 31941)"
    names = [p.get("name") for p in node if p.tag == "Parameter"]
    if len(names) != len(set(names)):
        yield "two <Parameter>s have the same name"


def _parameter_findings(node, _parent):
    if not node.get("name"):
        yield "<Parameter> has no name"
    if "value" not in node.attrib:
        yield "<Parameter> has no value"
    if len(node.get("name", "") + node.get("value", "")) > PARAMETER_CHARS_MAX:
        yield f"<Parameter> {node.get('name')!r} has 500 characters and more"


def _dial_findings(node, _parent):
    text = (node.text or "").strip()
    if not text and not len(node):
        yield "<Dial> of nobody"
    if text and len(node):
        yield "<Dial> has a text beside its nouns"
    if text and not E164.match(text):
        yield f"<Dial>{text}</Dial> is no number in E.164"
    if len(node) > NOUNS_OF_DIAL_MAX:
        yield f"<Dial> has {len(node)} nouns, {NOUNS_OF_DIAL_MAX} are possible"
    caller = node.get("callerId")
    if caller is not None and not E164.match(caller):
        yield f"<Dial callerId={caller!r}> is no number in E.164"


def _number_findings(node, _parent):
    if not E164.match((node.text or "").strip()):
        yield f"<Number>{node.text}</Number> is no number in E.164"


def _say_findings(node, _parent):
    text = (node.text or "").strip()
    if not text or len(text) > SAY_CHARS_MAX:
        yield f"<Say> has {len(text)} characters, 1 to {SAY_CHARS_MAX} are possible"


def _play_findings(node, _parent):
    text = (node.text or "").strip()
    if bool(text) == ("digits" in node.attrib):
        yield "<Play> needs either a URL or digits"
    if text and not absolute_url(text):
        yield f"<Play>{text}</Play> is no absolute URL"


def _redirect_findings(node, _parent):
    text = (node.text or "").strip()
    if not text:
        yield "<Redirect> without a URL asks its own document for ever"
    elif not _callable(text):
        yield f"<Redirect>{text}</Redirect> is no URL"
    for finding in override_findings(text):
        yield f"<Redirect>{text}</Redirect>: {finding}"


def _loop_findings(node, _parent):
    if not node.get("action"):
        yield f"<{node.tag}> without an action asks its own document for ever"


def _one_noun_findings(node, _parent):
    if len(node) != 1:
        yield f"<{node.tag}> has {len(node)} nouns, not one"


_RULES = {
    "Stream": _stream_findings,
    "Parameter": _parameter_findings,
    "Dial": _dial_findings,
    "Number": _number_findings,
    "Say": _say_findings,
    "Play": _play_findings,
    "Redirect": _redirect_findings,
    "Record": _loop_findings,
    "Gather": _loop_findings,
    "Connect": _one_noun_findings,
    "Start": _one_noun_findings,
    "Stop": _one_noun_findings,
}


def _unreached_findings(node):
    """Verbs that Twilio never comes to."""
    for at, child in enumerate(node):
        ends = child.tag in ENDS or (child.tag in ("Connect", "Dial", "Enqueue") and child.get("action"))
        if ends and at + 1 < len(node):
            yield f"<{node[at + 1].tag}> behind <{child.tag}> is never reached"
        if child.tag == "Reject" and at:
            yield "<Reject> is not the first verb"


def _node_findings(node, parent, interface):
    yield from _attribute_findings(node, interface)
    if node.tag in _RULES:
        yield from _RULES[node.tag](node, parent)
    texts = [node.text, *(child.tail for child in node)]
    if node.tag not in _typings.texts and any((t or "").strip() for t in texts):
        yield f"<{node.tag}> holds text"
    children = _typings.children.get(node.tag, {})
    for child in node:
        if child.tag not in children:
            yield f"<{child.tag}> does not stand in <{node.tag}>"
        else:
            yield from _node_findings(child, node, children[child.tag])
    yield from _unreached_findings(node)


def findings(text):
    """Everything that is wrong with a document."""
    if len(text.encode()) > DOCUMENT_BYTES_MAX:
        yield f"the document has more than {DOCUMENT_BYTES_MAX} bytes (error 11750)"
    if "<!DOCTYPE" in text:
        yield "the document has a DTD"
    try:
        root = xml.etree.ElementTree.fromstring(text.encode())
    except xml.etree.ElementTree.ParseError as why:
        yield f"the document is no XML (error 12100): {why}"
        return
    if root.tag != "Response":
        yield f"the root is <{root.tag}>, not <Response> (error 12100)"
        return
    yield from _node_findings(root, None, "Response")


def verbs(text):
    """The names of all elements of a document, for counting."""
    return [node.tag for node in xml.etree.ElementTree.fromstring(text.encode()).iter()]
