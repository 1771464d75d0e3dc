"""Who is asking: Google's clients take tokens from local-cloud and verify them; our services, started as they
are deployed, take Google's tokens and refuse everything else."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from google.auth.transport.requests import Request
from google.oauth2 import id_token

import judge
from judge import case, check

ISSUER = "https://accounts.google.com"
AUDIENCE = "https://service.example"
EMAIL = "pusher@project.iam.gserviceaccount.com"
IAP_AUDIENCE = "/projects/7/locations/europe-west3/services/dashboard"
START_SECONDS = 20


# --- keys and tokens ----------------------------------------------------------------------------


def jwk(private):
    of = jwt.algorithms.RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return json.loads(of.to_jwk(private.public_key()))


class Keys:
    """An issuer's keys, served as a JWKS; counts who asks."""

    def __init__(self, make):
        self.make = make
        self.private = {}
        self.fetches = 0
        self.broken = False
        keys = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                keys.fetches += 1
                body = b"" if keys.broken else keys.jwks()
                self.send_response(500 if keys.broken else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Cache-Control", "public, max-age=20000")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/certs"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def rotate(self, kid):
        self.private = {kid: self.make()}

    def jwks(self):
        keys = []
        for kid, private in self.private.items():
            keys.append({**jwk(private), "kid": kid, "use": "sig"})
        return json.dumps({"keys": keys}).encode()


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def p256_key():
    return ec.generate_private_key(ec.SECP256R1())


@contextlib.contextmanager
def issuer(make=rsa_key):
    keys = Keys(make)
    keys.rotate("k1")
    try:
        yield keys
    finally:
        keys.server.shutdown()
        keys.server.server_close()


def google_claims(**changes):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "email": EMAIL, "email_verified": True,
              "iat": now, "exp": now + 3600, **changes}
    return {k: v for k, v in claims.items() if v is not None}


def part(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header, claims, sign):
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(sign(text.encode()))}"


def hs256(secret):
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def other_tokens(keys, good_claims, alg, make):
    """(name, token, status) of what somebody without the key, or with another, could send."""
    key = keys.private["k1"]
    head = {"alg": alg, "typ": "JWT", "kid": "k1"}
    good = jwt.encode(good_claims, key, alg, {"kid": "k1"})
    text, _, signature = good.rpartition(".")
    stranger = make()
    return [
        ("another key under the known id", jwt.encode(good_claims, stranger, alg, {"kid": "k1"})),
        ("an unknown key", jwt.encode(good_claims, stranger, alg, {"kid": "k9"})),
        ("no key id", jwt.encode(good_claims, key, alg)),
        ("a key in the token", jwt.encode(good_claims, stranger, alg, {"kid": "k1", "jwk": jwk(stranger)})),
        ("algorithm none", by_hand({**head, "alg": "none"}, good_claims, lambda text: b"")),
        ("algorithm None and something", by_hand({**head, "alg": "None"}, good_claims, lambda text: b"x")),
        ("HS256 with the public key in PEM", by_hand({**head, "alg": "HS256"}, good_claims, hs256(pem(key)))),
        ("HS256 with the key set", by_hand({**head, "alg": "HS256"}, good_claims, hs256(keys.jwks()))),
        ("HS256 said to be right", by_hand(head, good_claims, hs256(pem(key)))),
        ("no algorithm", by_hand({"kid": "k1"}, good_claims, lambda text: b"x")),
        ("critical extensions", jwt.encode(good_claims, key, alg, {**head, "crit": ["b64"], "b64": True})),
        ("no signature", text + "."),
        ("two parts", text),
        ("four parts", good + ".x"),
        ("a truncated signature", good[:-4]),
        ("a longer signature", good + "AAAA"),
        ("a changed signature", f"{text}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"),
        ("other claims under the signature", f"{part(head)}.{part({**good_claims, 'x': 1})}.{signature}"),
        ("padding", good + "="),
        ("garbage", "garbage"),
        ("dots", "...."),
        ("no JSON", by_hand(b"{", b"}", lambda text: b"x")),
        ("an array of claims", by_hand(head, [good_claims], lambda text: b"x")),
        ("bytes that are no text", "\xff\xfe.\xff.\xff"),
        ("much too long", good + "A" * 9000),
    ]


# --- our services -------------------------------------------------------------------------------


@contextlib.contextmanager
def service(program, **settings):
    """One of our programs on a free port; what it writes is read when it fails to start."""
    port = judge.free_port()
    env = {"PATH": os.environ["PATH"], "PORT": str(port), "LISTEN_HOST": "127.0.0.1", "LOG_FORMAT": "json",
           "GOOGLE_CLOUD_PROJECT": "project", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9",
           "PUBSUB_EMULATOR_HOST": "127.0.0.1:9", "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9",
           "BUSINESS_PROFILE": str(judge.SOURCE / "evals/profiles/clinic.yaml"),
           "SLOT_KEY": "0123456789abcdef",
           "OIDC_AUDIENCE": AUDIENCE, "OIDC_EMAILS": EMAIL, **settings}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(judge.BUILD / "bin" / program)], env=env, cwd=judge.SOURCE,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until_it_listens(process, port, log)
            yield Door(port, log)
        finally:
            process.terminate()
            code = process.wait(20)
    check(code == 0, f"{program} ended with {code}")


def wait_until_it_listens(process, port, log):
    for _ in range(START_SECONDS * 50):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        check(process.poll() is None, "did not start:\n" + read_log(log))
        time.sleep(0.02)
    raise AssertionError("did not start:\n" + read_log(log))


def read_log(log):
    log.seek(0)
    return log.read().decode(errors="replace")


class Door:
    def __init__(self, port, log):
        self.port = port
        self.log_file = log

    @property
    def log(self):
        return read_log(self.log_file)

    def knock(self, method, path, *headers, body=b""):
        """The status of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return connection.getresponse().status
        finally:
            connection.close()


# Admitted, both find that this is nothing they know: 400.
GUARDED = {"tool-gateway": "/tools/findAvailability", "outcome-writer": "/push/events"}


def send(door, program, token):
    return door.knock("POST", GUARDED[program], ("Authorization", f"Bearer {token}"), body=b"{}")


def judged_by_claims(program):
    now = int(time.time())
    rows = [
        ("good", {}, 400),
        ("issuer without scheme", {"iss": "accounts.google.com"}, 400),
        ("another issuer", {"iss": "https://accounts.example.com"}, 401),
        ("an issuer that begins so", {"iss": ISSUER + ".example.com"}, 401),
        ("no issuer", {"iss": None}, 401),
        ("another audience", {"aud": "https://else.example"}, 401),
        ("an audience that begins so", {"aud": AUDIENCE + "/"}, 401),
        ("no audience", {"aud": None}, 401),
        ("a list of audiences", {"aud": [AUDIENCE, "https://else.example"]}, 401),
        ("expired", {"iat": now - 7200, "exp": now - 400}, 401),
        ("no expiry", {"exp": None}, 401),
        ("an expiry that is no number", {"exp": "never"}, 401),
        ("a life of days", {"exp": now + 3 * 86400}, 401),
        ("from the future", {"iat": now + 400}, 401),
        ("no time of issue", {"iat": None}, 401),
        ("not yet valid", {"nbf": now + 400}, 401),
        ("another account", {"email": "somebody@gmail.com"}, 403),
        ("an account that ends so", {"email": "x" + EMAIL}, 403),
        ("an account in capitals", {"email": EMAIL.upper()}, 403),
        ("no account", {"email": None}, 403),
        ("an unverified address", {"email_verified": False}, 403),
        ("an address not said to be verified", {"email_verified": None}, 403),
        ("verified as a word", {"email_verified": "true"}, 403),
    ]
    with issuer() as keys, service(program, OIDC_CERTS_URL=keys.url) as door:
        findings = []
        for name, changes, want in rows:
            token = jwt.encode(google_claims(**changes), keys.private["k1"], "RS256", {"kid": "k1"})
            got = send(door, program, token)
            if got != want:
                findings.append(f"{name}: {got}, expected {want}")
            check(token.rpartition(".")[2] not in door.log, f"{name}: the token is in the log")
        judge.no_findings(findings)
        check(keys.fetches == 1, f"{keys.fetches} fetches of the keys")


@case("tool-gateway takes Google's token for it and refuses those with any other claim")
def gateway_claims():
    judged_by_claims("tool-gateway")


@case("outcome-writer takes Google's token for it and refuses those with any other claim")
def writer_claims():
    judged_by_claims("outcome-writer")


def judged_by_signature(program):
    with issuer() as keys, service(program, OIDC_CERTS_URL=keys.url) as door:
        claims = google_claims()
        findings = []
        for name, token in other_tokens(keys, claims, "RS256", rsa_key):
            got = send(door, program, token)
            if got != 401:
                findings.append(f"{name}: {got}")
        for alg in ("RS384", "RS512", "PS256"):
            got = send(door, program, jwt.encode(claims, keys.private["k1"], alg, {"kid": "k1"}))
            if got != 401:
                findings.append(f"{alg} by the right key: {got}")
        judge.no_findings(findings)
        good = jwt.encode(claims, keys.private["k1"], "RS256", {"kid": "k1"})
        check(send(door, program, good) == 400, "a good one after all of them")
        path = GUARDED[program]
        headers = [("Authorization", f"Bearer {good}"), ("Authorization", "Bearer x")]
        check(door.knock("POST", path, *headers, body=b"{}") == 401, "a second Authorization header")
        check(door.knock("POST", path, *reversed(headers), body=b"{}") == 401, "the same the other way round")
        check(door.knock("POST", path, headers[0], headers[0], body=b"{}") == 401, "the same one twice")
        for value in ("", "Bearer", "Bearer ", good, f"Basic {good}", f"Bearer Bearer {good}"):
            check(door.knock("POST", path, ("Authorization", value), body=b"{}") == 401, f"{value[:20]!r}")
        check(door.knock("POST", path, body=b"{}") == 401, "no header")
        small = ("authorization", f"bearer {good}")
        check(door.knock("POST", path, small, body=b"{}") == 400, "in small letters")


@case("tool-gateway refuses every token that Google did not sign")
def gateway_signatures():
    judged_by_signature("tool-gateway")


@case("outcome-writer refuses every token that Google did not sign")
def writer_signatures():
    judged_by_signature("outcome-writer")


@case("a key that rotated is accepted after exactly one fetch, and a flood of unknown ids is not passed on")
def rotation():
    with issuer() as keys, service("tool-gateway", OIDC_CERTS_URL=keys.url) as door:
        def token(kid, key):
            return jwt.encode(google_claims(), key, "RS256", {"kid": kid})

        for _ in range(20):
            check(send(door, "tool-gateway", token("k1", keys.private["k1"])) == 400, "the first key")
        check(keys.fetches == 1, f"{keys.fetches} fetches for 20 requests")
        keys.rotate("k2")
        statuses = in_parallel(8, lambda: send(door, "tool-gateway", token("k2", keys.private["k2"])))
        check(set(statuses) == {400}, f"the rotated key, by eight at once: {statuses}")
        check(keys.fetches == 2, f"{keys.fetches} fetches after the rotation")
        stranger = rsa_key()
        for number in range(200):
            check(send(door, "tool-gateway", token(f"x{number}", stranger)) == 401, "an invented id")
        check(keys.fetches <= 3, f"{keys.fetches} fetches after a flood")
        check(send(door, "tool-gateway", token("k2", keys.private["k2"])) == 400, "the known key meanwhile")


def in_parallel(n, function):
    results = [None] * n

    def run(i):
        results[i] = function()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@case("without the issuer's keys a token is neither taken nor refused: 503, and taken once they are there")
def no_keys():
    with issuer() as keys, service("outcome-writer", OIDC_CERTS_URL=keys.url) as door:
        keys.broken = True
        token = jwt.encode(google_claims(), keys.private["k1"], "RS256", {"kid": "k1"})
        check(send(door, "outcome-writer", token) == 503, "no keys")
        keys.broken = False
        check(send(door, "outcome-writer", token) == 400, "keys")


# --- Identity-Aware Proxy -----------------------------------------------------------------------


def iap_claims(**changes):
    now = int(time.time())
    claims = {"iss": "https://cloud.google.com/iap", "aud": IAP_AUDIENCE, "sub": "accounts.google.com:1",
              "email": "owner@clinic.example", "iat": now, "exp": now + 600, **changes}
    return {k: v for k, v in claims.items() if v is not None}


def look(door, *assertions):
    return door.knock("GET", "/api/nothing", *[("X-Goog-IAP-JWT-Assertion", a) for a in assertions])


@case("dashboard takes the proxy's assertion and refuses every other, by claims and by signature")
def dashboard():
    now = int(time.time())
    rows = [
        ("another issuer", {"iss": ISSUER}),
        ("another audience", {"aud": IAP_AUDIENCE + "2"}),
        ("expired", {"iat": now - 700, "exp": now - 100}),
        ("from the future", {"iat": now + 100, "exp": now + 700}),
        ("not yet valid", {"nbf": now + 100}),
        ("for ever", {"exp": now + 86400}),
        ("no account", {"email": None}),
    ]
    with issuer(p256_key) as keys, service("dashboard", DASHBOARD_AUTH="iap", IAP_AUDIENCE=IAP_AUDIENCE,
                                           IAP_KEYS_URL=keys.url) as door:
        good = jwt.encode(iap_claims(), keys.private["k1"], "ES256", {"kid": "k1"})
        check(look(door, good) == 404, f"good: {look(door, good)}")
        findings = []
        for name, changes in rows:
            got = look(door, jwt.encode(iap_claims(**changes), keys.private["k1"], "ES256", {"kid": "k1"}))
            if got != 403:
                findings.append(f"{name}: {got}")
        for name, token in other_tokens(keys, iap_claims(), "ES256", p256_key):
            got = look(door, token)
            if got != 403:
                findings.append(f"{name}: {got}")
        judge.no_findings(findings)
        check(look(door) == 403, "no assertion")
        check(look(door, good, "x") == 403 and look(door, "x", good) == 403, "two assertions")
        keys.rotate("k2")
        check(look(door, good) == 404, "the known key is kept")
        before = keys.fetches
        for number in range(50):
            invented = jwt.encode(iap_claims(), p256_key(), "ES256", {"kid": f"x{number}"})
            check(look(door, invented) == 403, "an invented id")
        check(keys.fetches - before <= 1, f"{keys.fetches - before} fetches by a flood")


@case("dashboard takes an assertion by a key that rotated, after one fetch")
def dashboard_rotation():
    with issuer(p256_key) as keys, service("dashboard", DASHBOARD_AUTH="iap", IAP_AUDIENCE=IAP_AUDIENCE,
                                           IAP_KEYS_URL=keys.url) as door:
        for kid in ("k1", "k2"):
            keys.rotate(kid)
            assertion = jwt.encode(iap_claims(), keys.private[kid], "ES256", {"kid": kid})
            check(look(door, assertion) == 404, kid)
        check(keys.fetches == 2, f"{keys.fetches} fetches")


# --- local-cloud as Google ----------------------------------------------------------------------


def write_key_file(cloud, folder):
    key = rsa_key()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()
    path = os.path.join(folder, "key.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"type": "service_account", "project_id": "local-project", "private_key_id": "k1",
                   "private_key": text, "client_id": "1",
                   "client_email": "robot@local-project.iam.gserviceaccount.com",
                   "token_uri": cloud.origin + "/token"}, out)
    return path


@case("Google's Python library gets access and identity tokens and verifies them by both forms of the keys")
def python_library():
    with judge.local_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], "GCE_METADATA_HOST": cloud.host, "GCE_METADATA_IP": cloud.host,
               "CLOUDSDK_CONFIG": folder, "HOME": folder}
        program = [str(judge.ENV / "bin/python3"), str(judge.SOURCE / "tests/judges/identity_client.py"),
                   cloud.origin, write_key_file(cloud, folder)]
        done = subprocess.run(program, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, text=True)
        judge.no_findings(line for line in done.stdout.splitlines() if line.startswith("not ok "))
        good = sum(line.startswith("ok ") for line in done.stdout.splitlines())
        check(done.returncode == 0 and good == 5, f"{good} checks, ended {done.returncode}:\n{done.stdout}")


@case("Google's Node library gets access and identity tokens and verifies them")
def node_library():
    with judge.local_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        count = judge.node("identity.mjs", cloud.origin, GCE_METADATA_HOST=cloud.host, CLOUDSDK_CONFIG=folder,
                           HOME=folder)
        check(count == 5, f"{count} checks")


@case("our service takes a token of local-cloud's metadata server, by either form of the keys")
def whole_chain():
    with judge.local_cloud() as cloud:
        account = "/computeMetadata/v1/instance/service-accounts/default"
        flavor = {"Metadata-Flavor": "Google"}
        token = cloud.get(f"{account}/identity?audience={AUDIENCE}&format=full", **flavor)
        email = cloud.get(f"{account}/email", **flavor)
        for certs in ("/oauth2/v1/certs", "/oauth2/v3/certs"):
            with service("tool-gateway", OIDC_CERTS_URL=cloud.origin + certs, OIDC_EMAILS=email) as door:
                check(send(door, "tool-gateway", token) == 400, certs)
            with service("tool-gateway", OIDC_CERTS_URL=cloud.origin + certs) as door:
                check(send(door, "tool-gateway", token) == 403, "an account that is not in the list")


@case("a push of local-cloud's Pub/Sub carries a token that Google's library verifies")
def push_token():
    pushes = []
    arrived = threading.Event()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            pushes.append(self.headers["Authorization"])
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
    with judge.local_cloud() as cloud:
        base = "/v1/projects/local-project"
        push = {"pushEndpoint": f"http://127.0.0.1:{receiver.server_address[1]}/push",
                "oidcToken": {"serviceAccountEmail": EMAIL, "audience": AUDIENCE}}
        ask(cloud, "PUT", base + "/topics/judged", {})
        ask(cloud, "PUT", base + "/subscriptions/judged",
            {"topic": "projects/local-project/topics/judged", "pushConfig": push})
        ask(cloud, "POST", base + "/topics/judged:publish", {"messages": [{"data": "eA=="}]})
        check(arrived.wait(20), "nothing was pushed")
        token = pushes[0].removeprefix("Bearer ")
        certs = cloud.origin + "/oauth2/v1/certs"
        claims = id_token.verify_token(token, Request(), audience=AUDIENCE, certs_url=certs)
        check(claims["email"] == EMAIL and claims["email_verified"] is True, str(claims))
        check(claims["iss"] == ISSUER, str(claims))
    receiver.shutdown()
    receiver.server_close()


def ask(cloud, method, path, body):
    connection = http.client.HTTPConnection(cloud.host, timeout=20)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        check(answer.status == 200, f"{method} {path}: {answer.status} {data[:200]}")
        return json.loads(data)
    finally:
        connection.close()


@case("signBlob signs what it is given with the published key")
def sign_blob():
    with judge.local_cloud() as cloud:
        path = f"/v1/projects/-/serviceAccounts/{EMAIL}:signBlob"
        answer = ask(cloud, "POST", path, {"payload": base64.b64encode(b"GOOG4-RSA-SHA256\n...").decode()})
        keys = {k["kid"]: k for k in json.loads(cloud.get("/oauth2/v3/certs"))["keys"]}
        public = jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(keys[answer["keyId"]]))
        public.verify(base64.b64decode(answer["signedBlob"]), b"GOOG4-RSA-SHA256\n...", padding.PKCS1v15(),
                      hashes.SHA256())


@case("the metadata server tells nothing to whom the flavour header is missing or forwarded")
def metadata_is_guarded():
    with judge.local_cloud() as cloud:
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        door = Door(cloud.port, None)
        check(door.knock("GET", path) == 403, "without the header")
        check(door.knock("GET", path, ("Metadata-Flavor", "google")) == 403, "another flavour")
        check(door.knock("GET", path, ("Metadata-Flavor", "Google"), ("X-Forwarded-For", "1.2.3.4")) == 403,
              "a request that somebody passed on")
        check(door.knock("GET", path, ("Metadata-Flavor", "Google")) == 200, "as it should be")
