"""Time from exec to the first signed TwiML answer of the release webhook and to the first stream that the release
bridge accepts, beside a bare static server that answers with a fixed document: interleaved, medians, p95."""
import base64
import hashlib
import hmac
import os
import socket
import statistics
import subprocess
import sys
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def sign(text):
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def call_request(port):
    url = f"http://127.0.0.1:{port}/voice/incoming"
    signature = sign(url + "".join(k + FORM[k] for k in sorted(FORM)))
    body = urllib.parse.urlencode(FORM)
    return (f"POST /voice/incoming HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()


def stream_request(port):
    signature = sign(f"ws://127.0.0.1:{port}/media")
    return (f"GET /media HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"X-Twilio-Signature: {signature}\r\n\r\n").encode()


def settings(port, google_port, profile):
    emulator = f"127.0.0.1:{google_port}"
    return dict(os.environ, PORT=str(port), LISTEN_HOST="127.0.0.1", LOG_LEVEL="off",
                PUBLIC_BASE_URL=f"http://127.0.0.1:{port}", BRIDGE_URL="ws://127.0.0.1:1/media",
                TWILIO_ACCOUNT_SID=FORM["AccountSid"], TWILIO_AUTH_TOKEN=TOKEN, STREAM_TOKEN_KEY="k" * 40,
                GOOGLE_CLOUD_PROJECT="bench", FIRESTORE_EMULATOR_HOST=emulator,
                PUBSUB_EMULATOR_HOST=emulator, STORAGE_EMULATOR_HOST=f"http://{emulator}",
                EVENTS_TOPIC="call-events", RECORDINGS_TOPIC="recordings", BUSINESS_PROFILE=profile,
                OPENAI_REALTIME_URL="ws://127.0.0.1:1/v1/realtime", OPENAI_API_KEY="sk-bench",
                TOOL_GATEWAY_URL=f"http://{emulator}", GCE_METADATA_HOST=emulator)


def once(program, google_port, profile, make_request, status):
    port = free_port()
    env = settings(port, google_port, profile)
    request = make_request(port)
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
    if status not in answer.split(b"\r\n", 1)[0]:
        sys.exit(f"{program} answered {answer[:200]!r}")
    return took


def measure(webhook, bridge, bare, profile, rounds):
    port = free_port()
    cloud = subprocess.Popen([bare], env=dict(os.environ, PORT=str(port)))
    took = {"twimlMs": [], "streamMs": [], "bareMs": []}
    try:
        for _ in range(rounds):
            took["twimlMs"].append(once(webhook, port, profile, call_request, b" 200 "))
            took["streamMs"].append(once(bridge, port, profile, stream_request, b" 101 "))
            took["bareMs"].append(once(bare, port, profile, call_request, b" 200 "))
    finally:
        cloud.kill()
        cloud.wait()
    result = {name: round(statistics.median(values), 3) for name, values in took.items()}
    result.update({name.replace("Ms", "MinMs"): round(min(values), 3) for name, values in took.items()})
    result.update({name.replace("Ms", "P95Ms"): round(sorted(values)[len(values) * 95 // 100], 3)
                   for name, values in took.items()})
    return result
