"""A proxy that breaks connections: in front of a Cloud Storage it cuts an upload's PUT at a byte.

`GET /cut?name=OBJECT&put=N&at=K` arms it: of the N-th PUT (0: the first) of that object's upload session the
first K bytes of the body go through, then both sides are reset. at=whole: all goes through and is answered,
and the answer is lost. `GET /cuts` says how often it cut."""
import contextlib
import json
import re
import socket
import socketserver
import struct
import threading
import urllib.parse

WHOLE = "whole"


def _reset(sock):
    """Closes so that the peer sees a reset, not an end."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def _read_head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _header(head, name):
    found = re.search(rb"(?im)^" + name + rb":\s*(.*?)\s*$", head)
    return found[1] if found else b""


def _query(target):
    return {k: v[0] for k, v in urllib.parse.parse_qs(target.decode().partition("?")[2]).items()}


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream):
        self.upstream = upstream
        self.lock = threading.Lock()
        self.armed = {}  # object name: [PUTs to let through, byte or WHOLE]
        self.sessions = {}  # upload_id: object name
        self.cuts = 0
        super().__init__(("127.0.0.1", 0), _Connection)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self, name, put, at):
        with self.lock:
            self.armed[name] = [put, at]

    def take(self, upload_id):
        """The byte at which this PUT is to be cut, WHOLE, or None."""
        with self.lock:
            name = self.sessions.get(upload_id)
            plan = self.armed.get(name)
            if plan is None:
                return None
            if plan[0] > 0:
                plan[0] -= 1
                return None
            del self.armed[name]
            self.cuts += 1
            return plan[1]

    def learn(self, target, body, answer):
        """Which object the session that was just begun is for."""
        location = _header(answer.partition(b"\r\n\r\n")[0], b"location")
        if location:
            name = _query(target).get("name") or json.loads(body)["name"]
            with self.lock:
                self.sessions[_query(location)["upload_id"]] = name

    def stop(self):
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    """One request on each connection: the answer is passed on until the server closes."""

    def handle(self):
        with contextlib.suppress(OSError):
            head, body = _read_head(self.request)
            if head is not None:
                self.serve(head, body)

    def serve(self, head, body):
        method, target, _ = head.split(b"\r\n")[0].split(b" ", 2)
        if target.startswith(b"/cut"):
            self.control(_query(target))
            return
        at = self.server.take(_query(target).get("upload_id")) if method == b"PUT" else None
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection(self.server.upstream, 20) as up:
            up.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n")
            sent = self.forward(up, head, body, at)
            if sent is None:
                _reset(up)
                _reset(self.request)
                return
            answer = b"".join(iter(lambda: up.recv(65536), b""))
        if at == WHOLE:
            _reset(self.request)
            return
        if method == b"POST":
            self.server.learn(target, sent, answer)
        self.request.sendall(answer)

    def forward(self, up, head, body, at):
        """Sends the body on and returns it; None: cut at byte `at` of it."""
        sent = b""
        chunked = _header(head, b"transfer-encoding").lower() == b"chunked"
        length = int(_header(head, b"content-length") or 0)
        while True:
            if at not in (None, WHOLE) and len(sent) + len(body) >= at:
                up.sendall(body[: at - len(sent)])
                return None
            up.sendall(body)
            sent += body
            if sent.endswith(b"0\r\n\r\n") if chunked else len(sent) >= length:
                return sent
            body = self.request.recv(65536)
            if not body:
                return None

    def control(self, query):
        if "name" in query:
            at = query["at"]
            self.server.cut(query["name"], int(query["put"]), at if at == WHOLE else int(at))
        text = str(self.server.cuts).encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
        self.request.sendall(head + text)


@contextlib.contextmanager
def proxy(port):
    it = Proxy(("127.0.0.1", port))
    try:
        yield it
    finally:
        it.stop()
