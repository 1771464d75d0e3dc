"""Our webhook and our bridge, each with any PUBLIC_BASE_URL, beside a local-cloud; and a TLS certificate for
a judge's own server."""

import contextlib
import datetime
import http.client
import ipaddress
import os
import socket
import subprocess
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twilio.request_validator import RequestValidator

import judge
from twilio_app import ACCOUNT, TOKEN
from twilio_text import Form

START_SECONDS = 20
PUBLIC = "https://agent.example.com"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def sign(url, pairs=(), token=TOKEN):
    return RequestValidator(token).compute_signature(url, Form(pairs))


def encoded(pairs, quote=urllib.parse.quote_plus):
    return urllib.parse.urlencode(pairs, quote_via=quote).encode()


def _settings(cloud, port, public):
    return {
        "PORT": str(port),
        "LISTEN_HOST": "127.0.0.1",
        "LOG_LEVEL": "warn",
        "GOOGLE_CLOUD_PROJECT": "local-project",
        "FIRESTORE_EMULATOR_HOST": cloud.host,
        "PUBSUB_EMULATOR_HOST": cloud.host,
        "STORAGE_EMULATOR_HOST": cloud.origin,
        "GCE_METADATA_HOST": cloud.host,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_BASE": cloud.origin,
        "PUBLIC_BASE_URL": public,
        "BRIDGE_URL": "wss://agent.example.com/media",
        "STREAM_TOKEN_KEY": "a key of the judge's",
        "TOOL_GATEWAY_URL": cloud.origin,
        "OPENAI_API_KEY": "sk-judge",
        "OPENAI_REALTIME_URL": f"ws://{cloud.host}/v1/realtime",
        "BUSINESS_PROFILE": str(judge.SOURCE / "evals/profiles/clinic.yaml"),
    }


def _wait(port, process, log_path):
    for _ in range(START_SECONDS * 50):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    with open(log_path, encoding="utf-8", errors="replace") as log:
        raise AssertionError(f"{process.args[0]} did not start:\n{log.read()}")


@contextlib.contextmanager
def service(cloud, program, public, **env):
    """Its port. Its exit code is judged, too."""
    port = judge.free_port()
    log_path = os.path.join(cloud.folder, f"{program}-{port}.log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            [str(judge.BUILD / "bin" / program)],
            env={**os.environ, **_settings(cloud, port, public), **env},
            cwd=judge.SOURCE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(port, process, log_path)
        yield port
    finally:
        process.terminate()
        try:
            code = process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    judge.check(code == 0, f"{program} ended with {code}")


def post(port, target, body, headers):
    """The status of a POST whose target goes over the wire byte for byte."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", target, skip_accept_encoding=True)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def upgrade(port, target, signature):
    """The status of a web socket's upgrade."""
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    if signature is not None:
        lines.append(f"x-twilio-signature: {signature}")
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n" not in answer:
            data = s.recv(1024)
            judge.check(data, f"the upgrade of {target} was not answered")
            answer += data
    return int(answer.split()[1])


def certificate(folder):
    """Files of a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day)
    builder = builder.not_valid_after(now + day).add_extension(x509.BasicConstraints(True, None), True)
    there = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(there, False).sign(key, hashes.SHA256())
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    with open(paths[0], "wb") as out:
        out.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as out:
        out.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return paths
