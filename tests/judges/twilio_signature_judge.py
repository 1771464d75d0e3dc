"""X-Twilio-Signature, both ways: what PyPI and npm twilio sign our services take and what they refuse our
services refuse; what local-cloud signs both take. Requests go to the real services over the wire."""

import collections
import json
import tempfile
import urllib.parse

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

import judge
import twilio_services
from judge import case, check
from twilio_app import ACCOUNT, FROM, TO, TOKEN, client, world
from twilio_services import FORM, PUBLIC, encoded, sign
from twilio_text import Form

CALL = "CA" + "b" * 32
BASE = [("AccountSid", ACCOUNT), ("CallSid", CALL), ("CallStatus", "in-progress")]

# Beside BASE; each is sent to /voice/status and must be taken.
FORMS = {
    "nothing more": [],
    "empty values": [("ToZip", ""), ("FromCity", ""), ("CallerName", "")],
    "beyond ASCII": [("FromCity", "Köln"), ("ToCity", "東京"), ("CallerName", "😀 Ærø ¿?"), ("größe", "ß")],
    "a key repeated": [("A", "b"), ("Z", "1"), ("A", "a"), ("A", "B")],
    "a pair repeated": [("A", "b"), ("A", "b"), ("A", "a"), ("A", "b")],
    "an empty key": [("", "x"), ("A", "")],
    "keys that differ in case": [("a", "1"), ("B", "2"), ("A", "3"), ("b", "4"), ("_", "5"), ("Called", "6")],
    "what is encoded twice": [
        ("CallToken", "%7B%22parentCallInfoToken%22%3A%22abc.def%22%7D"),
        ("P", "%2B+%"),
    ],
    "blanks and line ends": [("A", " x "), ("B", "a\tb\r\nc\n"), ("C", "  ")],
    "separators": [("A", "a&b=c;d"), ("B&C", "="), ("D=", "#?/")],
    "much": [(f"SipHeader_X-{n}", "v" * 300) for n in range(60)],
    "keys that begin alike": [("From", "1"), ("FromCity", "2"), ("FromC", "3"), ("Fro", "4")],
}
QUERIES = {
    "no query": "",
    "an empty query": "?",
    "a query": "?attempt=1&x=2",
    "blanks and quotes": "?tenant=a%20b&n=O'Brien&m=a+b&k=%27",
    "repeated and empty": "?a=1&a=&b&=c&a=1",
    "lower-case hex": "?x=%c3%b6&y=%C3%B6&z=%2f/:@!$()*,;",
}

Sent = collections.namedtuple("Sent", "name target body type signature")


def status(port, sent):
    headers = {"Content-Type": sent.type}
    if sent.signature is not None:
        headers["X-Twilio-Signature"] = sent.signature
    return twilio_services.post(port, sent.target, sent.body, headers)


def npm(questions):
    """What npm twilio answers: to {"sign": …} a signature, to {"validate": …} whether it is right."""
    with tempfile.NamedTemporaryFile("w+", suffix=".json") as file:
        json.dump(questions, file)
        file.flush()
        with tempfile.NamedTemporaryFile("r", suffix=".json") as answers:
            judge.node("twilio_signatures.mjs", file.name, answers.name, TOKEN)
            return json.load(answers)


def params_of(pairs):
    """A form as npm twilio takes it."""
    form = Form(pairs)
    return {k: v if len(v) > 1 else v[0] for k, v in form.items()}


def good_requests():
    """Every form with every query, signed by PyPI twilio; also encoded in another way."""
    for form_name, more in FORMS.items():
        for query_name, query in QUERIES.items():
            target = "/voice/status" + query
            pairs = BASE + more
            signature = sign(PUBLIC + target, pairs)
            name = f"{form_name}, {query_name}"
            yield Sent(name, target, encoded(pairs), FORM, signature), pairs
        body = encoded(more[::-1] + BASE, urllib.parse.quote)
        yield Sent(
            form_name + ", %20", "/voice/status", body, FORM, sign(PUBLIC + "/voice/status", pairs)
        ), pairs


@case("what both official libraries sign, our webhook takes")
def takes():
    requests = list(good_requests())
    questions = [{"sign": {"url": PUBLIC + r.target, "params": params_of(pairs)}} for r, pairs in requests]
    found = []
    with judge.local_cloud() as cloud, twilio_services.service(cloud, "twiml-webhook", PUBLIC) as port:
        for (request, _), signature in zip(requests, npm(questions), strict=True):
            if signature != request.signature:
                found.append(f"{request.name}: npm and PyPI sign differently")
            got = status(port, request)
            if got != 204:
                found.append(f"{request.name}: {got}")
    judge.no_findings(found)


def tampered():
    """A right request changed in one way each; the URL and pairs that a validator would see come with it."""
    target = "/voice/status?attempt=1"
    pairs = [*BASE, ("From", FROM), ("To", TO), ("ToZip", "")]
    right = sign(PUBLIC + target, pairs)

    def with_pairs(name, changed):
        return Sent(name, target, encoded(changed), FORM, right)

    def with_signature(name, signature):
        return Sent(name, target, encoded(pairs), FORM, signature)

    def signed_over(name, url, signed=pairs):
        return with_signature(name, sign(url, signed))

    yield with_pairs("a value changed", [*pairs[:3], ("From", "+4930999999"), *pairs[4:]])
    yield with_pairs("a value in another case", [*pairs[:2], ("CallStatus", "In-progress"), *pairs[3:]])
    yield with_pairs("a pair added", [*pairs, ("Digits", "1")])
    yield with_pairs("an empty pair added", [*pairs, ("FromZip", "")])
    yield with_pairs("a pair missing", pairs[:3] + pairs[4:])
    yield with_pairs("the empty pair missing", pairs[:-1])
    yield with_pairs("a pair repeated with another value", [*pairs, ("From", "+4930999999")])
    yield with_pairs("a blank behind a value", [*pairs[:4], ("To", TO + " "), pairs[5]])
    yield with_pairs("a key renamed", [*pairs[:5], ("ToZIP", "")])
    yield Sent("no body", target, b"", FORM, right)
    yield Sent("another query", "/voice/status?attempt=2", encoded(pairs), FORM, right)
    yield Sent("a query more", target + "&x=1", encoded(pairs), FORM, right)
    yield Sent("no query", "/voice/status", encoded(pairs), FORM, right)
    yield Sent("another path", "/voice/recording?attempt=1", encoded(pairs), FORM, right)
    yield Sent("the body as JSON", target, encoded(pairs), "application/json", right)
    yield Sent("the body as a text", target, encoded(pairs), "text/plain", right)
    yield with_signature("no signature", None)
    yield with_signature("an empty signature", "")
    yield with_signature("a short signature", right[:-1])
    yield with_signature("a long signature", right + "=")
    yield with_signature("a signature in another case", right.swapcase())
    yield with_signature("a signature of another token", sign(PUBLIC + target, pairs, "0" * 32))
    yield with_signature("a signature of the token's prefix", sign(PUBLIC + target, pairs, TOKEN[:-1]))
    yield with_signature("a signature of no token", sign(PUBLIC + target, pairs, ""))
    yield with_signature("twenty-eight other characters", "A" * 27 + "=")
    sha256 = RequestValidator(TOKEN).compute_signature(PUBLIC + target, Form(pairs), "HMAC_SHA256")
    yield with_signature("SHA-256 that nothing announces", sha256)
    yield signed_over("another scheme", "http://agent.example.com" + target)
    yield signed_over("the web socket's scheme", "wss://agent.example.com" + target)
    yield signed_over("another host", "https://agent.example.org" + target)
    yield signed_over("another port", "https://agent.example.com:8443" + target)
    yield signed_over("the other scheme's port", "https://agent.example.com:80" + target)
    yield signed_over("where it really listens", "http://127.0.0.1:8080" + target)
    yield signed_over("a slash more", PUBLIC + "/voice/status/?attempt=1")
    yield signed_over("a fragment", PUBLIC + target + "#rc=2")
    yield signed_over("the URL alone", PUBLIC + target, [])
    yield signed_over("values without keys", PUBLIC + target, [(v, "") for _, v in pairs])


@case("each way of tampering is refused by both official libraries and, with 403, by our webhook")
def refuses():
    requests = list(tampered())
    questions, found = [], []
    for r in requests:
        pairs = urllib.parse.parse_qsl(r.body.decode(), keep_blank_values=True)
        form = r.type == FORM
        url = PUBLIC + r.target
        questions.append(
            {
                "validate": {
                    "url": url,
                    "params": params_of(pairs) if form else {},
                    "signature": r.signature or "",
                }
            }
        )
        if RequestValidator(TOKEN).validate(url, Form(pairs) if form else {}, r.signature or ""):
            found.append(f"{r.name}: PyPI twilio takes it")
    found += [f"{r.name}: npm twilio takes it" for r, ok in zip(requests, npm(questions), strict=True) if ok]
    with judge.local_cloud() as cloud, twilio_services.service(cloud, "twiml-webhook", PUBLIC) as port:
        for request in requests:
            got = status(port, request)
            if got != 403:
                found.append(f"{request.name}: {got}")
    judge.no_findings(found)


# PUBLIC_BASE_URL, what is signed, whether it is right. Voice over https drops any port, over http none.
ORIGINS = [
    ("https://agent.example.com", "https://agent.example.com", True),
    ("https://agent.example.com", "https://agent.example.com:443", True),
    ("https://agent.example.com", "https://agent.example.com:8443", False),
    ("https://agent.example.com/", "https://agent.example.com", True),
    ("https://agent.example.com:8443", "https://agent.example.com:8443", True),
    ("https://agent.example.com:8443", "https://agent.example.com", True),
    ("https://agent.example.com:8443", "https://agent.example.com:8444", False),
    ("http://agent.example.com:8080", "http://agent.example.com:8080", True),
    ("http://agent.example.com:8080", "http://agent.example.com", True),
    ("http://agent.example.com", "http://agent.example.com:80", True),
    ("http://agent.example.com", "http://agent.example.com:443", False),
    ("https://user:secret@agent.example.com", "https://agent.example.com", True),
    ("https://AGENT.example.com", "https://AGENT.example.com", True),
    ("https://agent.example.com", "https://agent.example.com.evil.example", False),
]


@case("ports, schemes and credentials of PUBLIC_BASE_URL count as in both official libraries")
def origins():
    target = "/voice/status?attempt=1"
    found, questions = [], []
    rows = [(*row, sign(row[1] + target, BASE)) for row in ORIGINS]
    for public, _, right, signature in rows:
        url = public.rstrip("/").replace("user:secret@", "") + target  # the libraries want it without
        if RequestValidator(TOKEN).validate(url, Form(BASE), signature) != right:
            found.append(f"{public}: PyPI twilio does not say {right}")
        questions.append({"validate": {"url": url, "params": params_of(BASE), "signature": signature}})
    for (public, _, right, _), ok in zip(rows, npm(questions), strict=True):
        if "AGENT" not in public and ok != right:
            found.append(f"{public}: npm twilio does not say {right}")
    with judge.local_cloud() as cloud:
        for public in dict.fromkeys(row[0] for row in rows):
            with twilio_services.service(cloud, "twiml-webhook", public) as port:
                for _, signed, right, signature in (row for row in rows if row[0] == public):
                    got = status(port, Sent("", target, encoded(BASE), FORM, signature))
                    if got != (204 if right else 403):
                        found.append(f"{public} with a signature over {signed}: {got}")
    judge.no_findings(found)


@case("while tokens are rotated each of them verifies, and no other")
def rotation():
    old, new = "0" * 31 + "1", "0" * 31 + "2"
    with judge.local_cloud() as cloud:
        env = {"TWILIO_AUTH_TOKEN": f"{new}, {old},"}
        with twilio_services.service(cloud, "twiml-webhook", PUBLIC, **env) as port:
            for token, expected in ((old, 204), (new, 204), (TOKEN, 403), (f"{new}, {old},", 403), ("", 403)):
                signature = sign(PUBLIC + "/voice/status", BASE, token)
                got = status(port, Sent("", "/voice/status", encoded(BASE), FORM, signature))
                check(got == expected, f"token {token!r}: {got}, not {expected}")


@case("a JSON body counts by its digest in the query, as in both official libraries")
def json_bodies():
    body = json.dumps({"CallSid": CALL, "note": "Grüße"}, ensure_ascii=False)
    digest = RequestValidator(TOKEN).compute_hash(body)
    target = f"/voice/status?a=1&bodySHA256={digest}"
    right = sign(PUBLIC + target)
    rows = [
        ("right", target, body, right, True),
        ("another body", target, body + " ", right, False),
        ("another digest", target.replace(digest, digest[::-1]), body, right, False),
        ("another digest, signed", target.replace(digest, digest[::-1]), body,
         sign(PUBLIC + target.replace(digest, digest[::-1])), False),
        ("no digest", "/voice/status?a=1", body, sign(PUBLIC + "/voice/status?a=1"), False),
        ("digest in capitals", target.replace(digest, digest.upper()), body,
         sign(PUBLIC + target.replace(digest, digest.upper())), False),
        ("no body", target, "", right, False),
    ]  # fmt: skip
    questions, found = [], []
    for name, where, text, signature, ok in rows:
        has_digest = "bodySHA256" in where
        if has_digest and RequestValidator(TOKEN).validate(PUBLIC + where, text, signature) != ok:
            found.append(f"{name}: PyPI twilio does not say {ok}")
        questions.append({"body": {"url": PUBLIC + where, "body": text, "signature": signature}})
    for (name, _, _, _, ok), said in zip(rows, npm(questions), strict=True):
        if said != ok:
            found.append(f"{name}: npm twilio does not say {ok}")
    with judge.local_cloud() as cloud, twilio_services.service(cloud, "twiml-webhook", PUBLIC) as port:
        for name, where, text, signature, ok in rows:
            got = status(port, Sent(name, where, text.encode(), "application/json", signature))
            if got != (400 if ok else 403):  # 400: it is admitted, but no webhook of ours has such a body
                found.append(f"{name}: {got}")
    judge.no_findings(found)


UPGRADES = [
    # PUBLIC_BASE_URL, target, signed URL, admitted
    (PUBLIC, "/media", "wss://agent.example.com/media", True),
    (PUBLIC, "/media", "wss://agent.example.com/media/", True),
    (PUBLIC, "/media", "https://agent.example.com/media", True),
    (PUBLIC, "/media", "ws://agent.example.com/media", False),
    (PUBLIC, "/media", "http://agent.example.com/media", False),
    (PUBLIC, "/media", "wss://agent.example.com/media//", False),
    (PUBLIC, "/media", "wss://agent.example.com/", False),
    (PUBLIC, "/media", "wss://agent.example.org/media", False),
    (PUBLIC, "/media", "wss://agent.example.com:8443/media", False),
    (PUBLIC, "/media", "wss://agent.example.com/media?x=1", False),
    (PUBLIC, "/media?x=1", "wss://agent.example.com/media?x=1", True),
    (PUBLIC, "/media?x=1", "wss://agent.example.com/media", False),
    (PUBLIC, "/media", None, False),
    (PUBLIC, "/media", "", False),
    ("https://agent.example.com:8443", "/media", "wss://agent.example.com:8443/media", True),
    ("https://agent.example.com:8443", "/media", "wss://agent.example.com/media", True),
    ("http://127.0.0.1:8082", "/media", "ws://127.0.0.1:8082/media", True),
    ("http://127.0.0.1:8082", "/media", "wss://127.0.0.1:8082/media", False),
]


@case("the bridge admits upgrades that are signed over the stream's URL, and refuses others with 403")
def upgrades():
    found = []
    with judge.local_cloud() as cloud:
        for public in dict.fromkeys(row[0] for row in UPGRADES):
            with twilio_services.service(cloud, "media-bridge", public) as port:
                for _, target, url, admitted in (row for row in UPGRADES if row[0] == public):
                    signature = None if url is None else sign(url) if url else ""
                    got = twilio_services.upgrade(port, target, signature)
                    if got != (101 if admitted else 403):
                        found.append(f"{public} {target} signed over {url}: {got}")
                wrong = sign(public.replace("http", "ws", 1) + "/media", (), "0" * 32)
                if twilio_services.upgrade(port, "/media", wrong) != 403:
                    found.append(f"{public}: a signature of another token is admitted")
    judge.no_findings(found)


# --- what local-cloud signs ---------------------------------------------------------------------


def questions_about(app):
    """Each request of the application, for npm twilio."""
    for r in app.requests:
        pairs = urllib.parse.parse_qsl(r.body.decode(), keep_blank_values=True) if r.method == "POST" else []
        signature = r.headers["X-Twilio-Signature"]
        yield {"validate": {"url": r.url, "params": params_of(pairs), "signature": signature}}


def accepted_by_npm(app):
    answers = npm(list(questions_about(app)))
    judge.no_findings(
        f"npm twilio refuses {r.method} {r.url}"
        for r, ok in zip(app.requests, answers, strict=True)
        if not ok
    )


@case("what local-cloud signs both official libraries take: odd queries, GET, non-ASCII and empty parameters")
def local_cloud_signs():
    odd = "?a=1&a=2&b=&c=%C3%B6&d=O'Brien&e=%2B+&f=%2f&&g"
    with world(lambda stream: stream.read("start")) as (cloud, app, stream):
        api = client(cloud)
        document = VoiceResponse()
        connect = Connect(action="/after" + odd)
        connect.stream(url=stream.url, name="größer 😀", status_callback=app.origin + "/stream" + odd)
        document.append(connect)
        app.says("/voice" + "", document)
        app.says(
            "/after",
            "<Response><Redirect method='GET'>/broken" + odd.replace("&", "&amp;") + "</Redirect></Response>",
        )
        app.answers["/broken"] = [(500, "text/plain", b"")]
        app.says("/fallback", "<Response/>")
        api.calls.create(
            to=FROM, from_=TO, url=app.origin + "/voice" + odd, fallback_url=app.origin + "/fallback" + odd,
            status_callback=app.origin + "/progress" + odd, status_callback_method="GET",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )  # fmt: skip
        app.wait("/progress", 4)
        told = app.wait("/stream", StreamEvent="stream-started")
        check(told.params["StreamName"] == "größer 😀", told.params["StreamName"])
        check(app.wait("/fallback").params["ErrorUrl"].endswith("/broken" + odd), "another ErrorUrl")
        stream.finished()
        check(stream.upgrades and all(ok for _, ok in stream.upgrades), "PyPI twilio refuses the upgrade")
        accepted_by_npm(app)
        check(len(app.requests) >= 9, f"{len(app.requests)} requests")


@case("over https local-cloud signs without the port, over http with it, over wss the stream's URL")
def local_cloud_ports():
    with tempfile.TemporaryDirectory() as folder:
        files = twilio_services.certificate(folder)
        tls = {"tls": files, "SSL_CERT_FILE": files[0]}
        for env in ({}, tls):
            with world(lambda stream: stream.read("start"), **env) as (cloud, app, stream):
                document = VoiceResponse()
                connect = Connect(action="/after")
                connect.stream(url=stream.url)
                document.append(connect)
                app.says("/voice", document)
                app.says("/after", "<Response/>")
                app.says("/over", "<Response/>")
                client(cloud).calls.create(
                    to=FROM, from_=TO, url=app.origin + "/voice?x=1", status_callback=app.origin + "/over"
                )
                app.wait("/over")
                for request in app.requests:
                    exact_signature(request, env)
                stream.finished()
                check(all(ok for _, ok in stream.upgrades), "PyPI twilio refuses the upgrade")
                accepted_by_npm(app)


def exact_signature(request, tls):
    parts = urllib.parse.urlsplit(request.url)
    url = request.url.replace(f":{parts.port}", "", 1) if tls else request.url
    pairs = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
    expected = sign(url, pairs)
    check(request.headers["X-Twilio-Signature"] == expected, f"{request.url} is not signed as {url}")


@case("credentials in a URL are sent, and are no part of what is signed")
def credentials():
    with world() as (cloud, app, _):
        app.says("/voice", "<Response/>")
        origin = app.origin.replace("http://", "http://user:secret@")
        client(cloud).calls.create(to=FROM, from_=TO, url=origin + "/voice", status_callback=origin + "/over")
        app.wait("/over")
        for request in app.requests:
            check(
                request.headers.get("Authorization", "").startswith("Basic "), "the credentials are not sent"
            )
        accepted_by_npm(app)
