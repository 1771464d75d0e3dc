"""An application of the judge's own for local-cloud's telephone side: answers webhooks with TwiML, takes
Media Streams, and telephones. Every request is verified by PyPI twilio as it comes in."""

import base64
import collections
import contextlib
import http.server
import json
import ssl
import threading
import urllib.parse

import twilio.http.http_client
import twilio.request_validator
import twilio.rest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

import judge
from twilio_text import Form

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "00112233445566778899aabbccddeeff"
FROM, TO = "+4930123456", "+15005550006"
WAIT_SECONDS = 20
FRAME = 160  # bytes of 20 ms
SILENCE = b"\xff"

Request = collections.namedtuple("Request", "method url path params headers body verified at")


def verified(url, pairs, signature):
    return twilio.request_validator.RequestValidator(TOKEN).validate(url, Form(pairs), signature)


def server_tls(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


class App:
    """Answers `/path` with what answers[path] holds: (status, content type, body), in turn, the last one
    again and again; 204 where nothing is held. `requests` are all that came, in order."""

    def __init__(self, tls=None):
        self.answers = collections.defaultdict(list)
        self.requests = []
        self.changed = threading.Condition()
        app = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                app._answer(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = server_tls(tls).wrap_socket(self.server.socket, server_side=True)
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        split = urllib.parse.urlsplit(handler.path)
        text = body.decode() if handler.command == "POST" else split.query
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        url = self.origin + handler.path
        signed = pairs if handler.command == "POST" else []
        signature = handler.headers.get("X-Twilio-Signature", "")
        with self.changed:
            here = [r for r in self.requests if r.path == split.path]
            held = self.answers.get(split.path, ())
            self.requests.append(
                Request(
                    handler.command,
                    url,
                    split.path,
                    dict(pairs),
                    handler.headers,
                    body,
                    verified(url, signed, signature),
                    len(self.requests),
                )
            )
            self.changed.notify_all()
        status, content_type, out = held[min(len(here), len(held) - 1)] if held else (204, "", b"")
        handler.send_response(status)
        if content_type:
            handler.send_header("Content-Type", content_type)
        if status != 204:
            handler.send_header("Content-Length", str(len(out)))
        handler.end_headers()
        handler.wfile.write(out)

    def says(self, path, *documents):
        """TwiML, in turn; objects of the official library or texts."""
        for document in documents:
            self.answers[path].append((200, "text/xml", str(document).encode()))

    def wait(self, path, n=1, **params):
        """The n-th request to `path` with these parameters."""

        def fitting():
            return [
                r
                for r in self.requests
                if r.path == path and all(r.params.get(k) == v for k, v in params.items())
            ]

        with self.changed:
            came = self.changed.wait_for(lambda: len(fitting()) >= n, WAIT_SECONDS)
            paths = [(r.path, r.params.get("CallStatus")) for r in self.requests]
        judge.check(came, f"{path} {params} was not asked {n} times; asked: {paths}")
        return fitting()[n - 1]

    def paths(self):
        with self.changed:
            return [r.path for r in self.requests]

    def all_verified(self):
        with self.changed:
            bad = [f"the official library refuses the signature of {r.method} {r.url}"
                   for r in self.requests if not r.verified]  # fmt: skip
        judge.no_findings(bad)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class StreamApp:
    """Takes Media Streams at ws://…/media and hands each to `talk(socket)`, which reads messages with read()
    and sends them with socket.send(). `log` has all that came and went: ("from" or "to", kind, text)."""

    def __init__(self, talk, tls=None):
        self.talk = talk
        self.log, self.upgrades = [], []
        self.failed = None
        self.done = threading.Event()
        self.server = websockets.sync.server.serve(
            self._handle, "127.0.0.1", 0, process_request=self._upgrade, compression=None,
            ssl=tls and server_tls(tls),
        )  # fmt: skip
        self.url = f"ws{'s' if tls else ''}://127.0.0.1:{self.server.socket.getsockname()[1]}/media"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _upgrade(self, _socket, request):
        signature = request.headers.get("X-Twilio-Signature", "")
        self.upgrades.append((request.path, verified(self.url, [], signature)))

    def _handle(self, socket):
        self.socket = socket
        try:
            self.talk(self)
        except Exception as why:
            self.failed = why
        self.done.set()

    def read(self, *events):
        """The next message; with names, the next of these."""
        while True:
            data = self.socket.recv(timeout=WAIT_SECONDS)
            self.log.append(("from", "binary" if isinstance(data, bytes) else "text", data))
            message = json.loads(data)
            if not events or message["event"] in events:
                return message

    def send(self, message):
        text = json.dumps(message)
        self.log.append(("to", "text", text))
        self.socket.send(text)

    def send_audio(self, sid, audio):
        payload = base64.b64encode(audio).decode()
        self.send({"event": "media", "streamSid": sid, "media": {"payload": payload}})

    def send_mark(self, sid, name):
        self.send({"event": "mark", "streamSid": sid, "mark": {"name": name}})

    def finished(self):
        """Waits for talk() to end; raises what it raised."""
        judge.check(self.done.wait(WAIT_SECONDS), "the stream's talk did not end")
        if self.failed:
            raise self.failed

    def stop(self):
        self.server.shutdown()


class Phone:
    """A caller at local-cloud's browser phone: rings the application's /voice/incoming."""

    def __init__(self, cloud):
        self.socket = websockets.sync.client.connect(f"ws://{cloud.host}/phone/line", compression=None)
        self.lines, self.heard = [], 0
        self.changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.socket.send('{"do":"call"}')
        self.sid = self.wait("placed")["callSid"]

    def _listen(self):
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            for data in self.socket:
                with self.changed:
                    if isinstance(data, bytes):
                        self.heard += any(b & 0x7F < 0x70 for b in data)
                    else:
                        self.lines.append(json.loads(data))
                    self.changed.notify_all()

    def wait(self, kind, detail=None):
        """The line of this kind, whose detail begins so."""

        def found():
            return [
                x
                for x in self.lines
                if x["kind"] == kind and (detail is None or x.get("detail", "").startswith(detail))
            ]

        with self.changed:
            came = self.changed.wait_for(found, WAIT_SECONDS)
            judge.check(came, f"the phone was not told {kind} {detail or ''}: {self.lines}")
            return found()[0]

    def dial(self, digits):
        self.socket.send(json.dumps({"do": "dtmf", "digits": digits}))

    def speak(self, audio):
        for at in range(0, len(audio), FRAME):
            self.socket.send(audio[at : at + FRAME].ljust(FRAME, SILENCE))

    def hang_up(self):
        self.socket.send('{"do":"hang_up"}')

    def stop(self):
        self.socket.close()


class Local(twilio.http.http_client.TwilioHttpClient):
    """The official client's transport with another origin; edge, region and environment cannot do it."""

    def __init__(self, origin):
        super().__init__()
        self.origin = urllib.parse.urlsplit(origin)

    def request(self, method, url, *args, **kwargs):
        there = urllib.parse.urlsplit(url)._replace(scheme=self.origin.scheme, netloc=self.origin.netloc)
        return super().request(method, urllib.parse.urlunsplit(there), *args, **kwargs)


def client(cloud, account=ACCOUNT, token=TOKEN):
    return twilio.rest.Client(account, token, http_client=Local(cloud.origin))


def tone(ms):
    """A mu-law square wave of 1 kHz."""
    return (b"\x0f" * 4 + b"\x8f" * 4) * ms


@contextlib.contextmanager
def world(talk=None, tls=None, **env):
    """An application, a stream's end if `talk` is given, and a local-cloud that calls them. `tls`: files of
    the applications' certificate and key."""
    app = App(tls)
    stream = StreamApp(talk, tls) if talk else None
    settings = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "PUBLIC_BASE_URL": app.origin,
        **env,
    }
    try:
        with judge.local_cloud(**settings) as cloud:
            yield cloud, app, stream
            app.all_verified()
    finally:
        app.stop()
        if stream:
            stream.stop()
