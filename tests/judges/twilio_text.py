"""Small readers that the judges of Twilio's formats share."""

import base64
import re
import urllib.parse

SID = {
    kind: re.compile(f"^{kind}[0-9a-fA-F]{{32}}$")
    for kind in ("AC", "CA", "RE", "MZ", "SM", "RQ", "PN", "MG")
}
E164 = re.compile(r"^\+[1-9]\d{6,14}$")
# Connection overrides in a URL's fragment: the range of each, None for a list of words.
OVERRIDES = {
    "ct": (100, 10000),
    "rt": (100, 15000),
    "tt": (100, 15000),
    "rc": (0, 5),
    "rp": None,
    "sni": None,
}
REPEATS = {"4xx", "5xx", "ct", "rt", "all"}


class Form(dict):
    """Parameters as the official libraries take them: every value of a key."""

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getlist(self, name):
        return self[name]


def header(message, name):
    """Of a request or an answer of the record; empty when there is none."""
    return next((v for n, v in message["headers"] if n.lower() == name.lower()), "")


def body_of(message, raw=False):
    if "body_base64" in message:
        data = base64.b64decode(message["body_base64"])
    else:
        data = (message.get("body") or "").encode()
    return data if raw else data.decode("utf-8")


def absolute_url(text, schemes=("http", "https")):
    """True when Twilio could call it: a scheme, a host without underscores, no blanks."""
    try:
        url = urllib.parse.urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    clean = re.match(r"^[\x21-\x7e]+$", text) is not None
    return clean and url.scheme in schemes and bool(host) and "_" not in host


def override_findings(text):
    """Of the connection overrides in a URL's fragment."""
    fragment = urllib.parse.urlsplit(text).fragment
    for pair in fragment.split("&") if fragment else ():
        key, _, value = pair.partition("=")
        if key not in OVERRIDES:
            yield f"{key!r} is no connection override"
        elif key == "rp" and not set(value.split(",")) <= REPEATS:
            yield f"the override rp={value} is no list of {', '.join(sorted(REPEATS))}"
        elif key == "sni" and value not in ("y", "n"):
            yield f"the override sni={value} is neither y nor n"
        elif OVERRIDES[key]:
            low, high = OVERRIDES[key]
            if not value.isdigit() or not low <= int(value) <= high:
                yield f"the override {key}={value} is not {low} to {high}"
