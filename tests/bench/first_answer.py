#!/usr/bin/env python3
"""Time from exec to the first signed TwiML answer of the release webhook, beside a bare static server that
answers with a fixed document (the floor on this machine), interleaved, medians.

Usage: first_answer.py WEBHOOK BARE_SERVER PROFILE [ROUNDS]
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

TOKEN = "00112233445566778899aabbccddeeff"
FORM = {
    "AccountSid": "AC00000000000000000000000000000001",
    "CallSid": "CA00000000000000000000000000000002",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "+4930123456",
    "To": "+493012345600",
    "ApiVersion": "2010-04-01",
}


class Google(http.server.BaseHTTPRequestHandler):
    """Takes what is published; knows no document."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith(":publish"):
            body, status = {"messageIds": ["1"]}, 200
        else:
            body, status = {"error": {"code": 404, "message": "none", "status": "NOT_FOUND"}}, 404
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_PATCH = do_POST

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def signed_request(port):
    url = f"http://127.0.0.1:{port}/voice/incoming"
    text = url + "".join(k + FORM[k] for k in sorted(FORM))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
    body = urllib.parse.urlencode(FORM)
    return (f"POST /voice/incoming HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()


def once(program, google_port, profile):
    port = free_port()
    emulator = f"127.0.0.1:{google_port}"
    env = dict(os.environ, PORT=str(port), LISTEN_HOST="127.0.0.1", LOG_LEVEL="error",
               PUBLIC_BASE_URL=f"http://127.0.0.1:{port}", BRIDGE_URL="ws://127.0.0.1:1/media",
               TWILIO_ACCOUNT_SID=FORM["AccountSid"], TWILIO_AUTH_TOKEN=TOKEN, STREAM_TOKEN_KEY="k" * 40,
               GOOGLE_CLOUD_PROJECT="bench", FIRESTORE_EMULATOR_HOST=emulator,
               PUBSUB_EMULATOR_HOST=emulator, STORAGE_EMULATOR_HOST=f"http://{emulator}",
               EVENTS_TOPIC="call-events", RECORDINGS_TOPIC="recordings", BUSINESS_PROFILE=profile)
    request = signed_request(port)
    started = time.perf_counter()
    child = subprocess.Popen([program], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                    s.sendall(request)
                    answer = s.recv(65536)
                break
            except ConnectionRefusedError:
                if time.perf_counter() - started > 10 or child.poll() is not None:
                    sys.exit(f"{program} does not listen (exit code {child.poll()})")
        took = (time.perf_counter() - started) * 1000
    finally:
        child.kill()
        child.wait()
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        sys.exit(f"{program} answered {answer[:200]!r}")
    return took


def main():
    webhook, bare, profile = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    google = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Google)
    threading.Thread(target=google.serve_forever, daemon=True).start()
    ours, floor = [], []
    for _ in range(rounds):
        ours.append(once(webhook, google.server_port, profile))
        floor.append(once(bare, google.server_port, profile))
    a, b = statistics.median(ours), statistics.median(floor)
    print(f"exec to first TwiML answer: {a:.2f} ms (min {min(ours):.2f}, max {max(ours):.2f}), "
          f"bare static server {b:.2f} ms, ratio {a / b:.2f}, {rounds} rounds each")


main()
