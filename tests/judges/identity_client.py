"""Google's Python authentication library, as a service on Google Cloud would use it: the metadata server is
where GCE_METADATA_HOST says. Prints `ok NAME` or `not ok NAME: why`, as the Node programs do.
Usage: identity_client.py ORIGIN KEY_FILE"""
import sys
import traceback

import google.auth
import google.auth.transport.requests
import jwt
from google.auth import compute_engine, exceptions
from google.auth.compute_engine import _metadata
from google.oauth2 import id_token, service_account

ORIGIN, KEY_FILE = sys.argv[1:]
REFUSALS = (exceptions.InvalidValue, exceptions.MalformedError, jwt.exceptions.InvalidTokenError)
AUDIENCE = "https://tools.example/path?x=1&y=ü"
http = google.auth.transport.requests.Request()


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def verified(token, certs, audience=AUDIENCE):
    return id_token.verify_token(token, http, audience=audience, certs_url=ORIGIN + certs)


def refused(kinds, function):
    try:
        function()
    except kinds:
        return
    raise AssertionError("was accepted")


def default_credentials():
    credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    check(isinstance(credentials, compute_engine.Credentials), type(credentials))
    check(project == "local-project", f"project {project}")
    credentials.refresh(http)
    check(credentials.token and credentials.valid and not credentials.expired, "an access token")
    check("@" in credentials.service_account_email, credentials.service_account_email)


def identity_token():
    token = id_token.fetch_id_token(http, AUDIENCE)
    for certs in ("/oauth2/v1/certs", "/oauth2/v3/certs"):
        claims = verified(token, certs)
        check(claims["aud"] == AUDIENCE and claims["email_verified"] is True, claims)
        refused(REFUSALS, lambda c=certs: verified(token, c, "https://else.example"))
        changed = token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]
        refused(REFUSALS, lambda c=certs, t=changed: verified(t, c))


def identity_credentials():
    credentials = compute_engine.IDTokenCredentials(http, AUDIENCE, use_metadata_identity_endpoint=True)
    credentials.refresh(http)
    check(credentials.expiry and not credentials.expired, "an expiry")
    verified(credentials.token, "/oauth2/v3/certs")


def metadata_values():
    check(_metadata.ping(http), "ping")
    check(_metadata.get_project_id(http) == "local-project", "project")
    check(_metadata.get_universe_domain(http) == "googleapis.com", "universe")
    info = _metadata.get_service_account_info(http)
    check("@" in info["email"] and "default" in info["aliases"] and info["scopes"], info)


def key_file():
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = service_account.Credentials.from_service_account_file(KEY_FILE, scopes=scopes)
    credentials.refresh(http)
    check(credentials.token and not credentials.expired, "an access token")
    made_from_file = service_account.IDTokenCredentials.from_service_account_file
    credentials = made_from_file(KEY_FILE, target_audience=AUDIENCE)
    credentials.refresh(http)
    claims = verified(credentials.token, "/oauth2/v1/certs")
    check(claims["email"] == credentials.service_account_email, claims)


for function in (default_credentials, identity_token, identity_credentials, metadata_values, key_file):
    name = function.__name__.replace("_", " ")
    try:
        function()
        print(f"ok {name}")
    except Exception:
        print(f"not ok {name}: " + " | ".join(traceback.format_exc().strip().splitlines()[-4:]))
