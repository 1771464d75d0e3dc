"""Who judges an entry of the record: each exchange has exactly one validator, chosen by its path.

The server's table follows the route tables of services/local_cloud; a path in none of them is a finding."""
import re
from urllib.parse import urlsplit

# local-cloud answers these.
SERVED = [
    ("google", r"/v1/projects/.*"),  # Firestore, Pub/Sub, IAM Credentials
    ("google", r"/emulator/v1/projects/.*"),
    ("google", r"(/storage/v1)?/b(/.*)?"),
    ("google", r"/(upload|download)/storage/v1/.*"),
    ("google", r"/computeMetadata/.*"),
    ("google", r"/(token|oauth2/v4/token|oauth2/v[13]/certs)?"),
    ("twilio", r"/2010-04-01/.*"),
    ("openai", r"/v1/(realtime|audio/transcriptions|models|models/.*)"),
    ("ours", r"/(live|ready|phone|phone\.js|local/.*)"),
]
# local-cloud calls these, beside those that it serves itself: its control module uses Firestore and Pub/Sub.
CALLED = [
    ("google", r"/push/.*"),
    ("twilio", r"/voice/.*"),
    ("twilio", r"/media"),
    ("ours", r"/(live|ready)"),
]
# Wherever a test has them go.
AGENTS = [("google", "CloudPubSub-Google"), ("twilio", "TwilioProxy/"), ("twilio", "Twilio.TmeWs/")]


def header(message, name):
    """The first value of a header of a request or an answer, or None."""
    for key, value in (message or {}).get("headers", []):
        if key.lower() == name.lower():
            return value
    return None


def path(entry):
    return urlsplit(entry["url"]).path or "/"


def _find(table, where):
    return next((owner for owner, pattern in table if re.fullmatch(pattern, where)), None)


def owner(entry):
    """"google", "twilio", "openai" or "ours"; None when nobody knows the path."""
    where = path(entry)
    if entry["side"] == "server":
        return _find(SERVED, where)
    agent = header(entry.get("request"), "User-Agent") or ""
    by_agent = next((who for who, begin in AGENTS if agent.startswith(begin)), None)
    return by_agent or _find(CALLED, where) or _find(SERVED, where)


def unowned(entries):
    """A finding for each exchange that no validator looks at."""
    for entry in entries:
        if owner(entry) is None:
            yield f"{entry.get('where', entry.get('seq'))}: nobody judges {entry['side']} {entry['url']}"
