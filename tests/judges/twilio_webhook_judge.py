"""Every document that our webhook can answer, in every state of a call, by the TwiML lists of Twilio's Node
library: the real service, asked with requests that the official library signed."""

import datetime
import http.client
import json
import shutil
import tempfile
import urllib.request
import xml.etree.ElementTree

import judge
import twilio_services
import twilio_twiml
from judge import case, check
from twilio_app import ACCOUNT
from twilio_services import FORM, PUBLIC, encoded, sign

PROFILE = judge.SOURCE / "evals/profiles/clinic.yaml"
OPEN = datetime.datetime(2026, 11, 24, 9, 30, tzinfo=datetime.timezone.utc)  # a Tuesday morning in Berlin
CLOSED = datetime.datetime(2026, 11, 22, 9, 30, tzinfo=datetime.timezone.utc)  # a Sunday
PERSON = "+4930555101"
NO_MESSAGE = ["Say", "Record", "Say", "Hangup"]
RECORDING = {
    "RecordingSid": "RE" + "c" * 32,
    "RecordingUrl": "https://api.twilio.com/r",
    "RecordingDuration": "7",
}
LEG = {"DialCallSid": "CA" + "f" * 32, "DialCallDuration": "5"}


def transfer(number=PERSON):
    return {"state": "transfer", "attempt": 0, "number": number}


# Path and query, parameters, liveCalls document, the verbs in opening hours, and outside where they differ.
ROWS = [
    ("/voice/incoming", {"CallStatus": "ringing"}, None, ["Start", "Connect"], None),
    ("/voice/continue?attempt=0", {}, None, ["Connect"], None),
    ("/voice/continue?attempt=0", {}, {"state": "live", "attempt": 0}, ["Connect"], None),
    ("/voice/continue?attempt=1", {}, {"state": "live", "attempt": 1}, ["Pause", "Connect"], None),
    ("/voice/continue?attempt=2", {}, None, ["Say", "Dial"], NO_MESSAGE),
    ("/voice/continue?attempt=0", {}, {"state": "failed", "attempt": 0}, ["Say", "Dial"], NO_MESSAGE),
    ("/voice/continue?attempt=0", {}, {"state": "something new", "attempt": 0}, ["Connect"], None),
    ("/voice/continue?attempt=0", {}, {"state": "ended", "attempt": 0}, ["Hangup"], None),
    ("/voice/continue?attempt=0", {}, transfer(), ["Dial"], None),
    ("/voice/continue?attempt=0", {"To": "sip:desk@example.com"}, transfer(), ["Dial"], None),
    ("/voice/continue?attempt=0", {"CallStatus": "completed"}, transfer(), ["Hangup"], None),
    ("/voice/continue", {}, None, ["Connect"], None),
    ("/voice/continue?attempt=x%00", {}, None, ["Connect"], None),
    (
        "/voice/dialed?attempt=0",
        {"DialCallStatus": "completed", "DialBridged": "true", **LEG},
        None,
        ["Hangup"],
        None,
    ),
    (
        "/voice/dialed?attempt=0",
        {"DialCallStatus": "completed", "DialBridged": "false"},
        None,
        ["Say", "Connect"],
        None,
    ),
    ("/voice/dialed?attempt=0", {"DialCallStatus": "no-answer"}, None, ["Say", "Connect"], None),
    ("/voice/dialed?attempt=0", {"DialCallStatus": "busy"}, None, ["Say", "Connect"], None),
    ("/voice/dialed?attempt=0", {"DialCallStatus": "failed"}, None, ["Say", "Connect"], None),
    (
        "/voice/dialed?attempt=0",
        {"DialCallStatus": "canceled", "CallStatus": "completed"},
        None,
        ["Hangup"],
        None,
    ),
    ("/voice/dialed?attempt=0&lost=1", {"DialCallStatus": "no-answer"}, None, NO_MESSAGE, None),
    ("/voice/dialed?attempt=5", {"DialCallStatus": "no-answer"}, None, NO_MESSAGE, None),
    ("/voice/voicemail", RECORDING, None, ["Say", "Hangup"], None),
    (
        "/voice/voicemail",
        {**RECORDING, "Digits": "hangup", "CallStatus": "completed"},
        None,
        ["Say", "Hangup"],
        None,
    ),
    ("/voice/voicemail", {**RECORDING, "RecordingDuration": "0"}, None, ["Say", "Hangup"], None),
    ("/voice/voicemail", {}, None, ["Say", "Hangup"], None),
    (
        "/voice/fallback",
        {"ErrorCode": "11200", "ErrorUrl": PUBLIC + "/voice/incoming"},
        None,
        ["Say", "Dial"],
        NO_MESSAGE,
    ),
    (
        "/voice/fallback",
        {"ErrorCode": "12100", "ErrorUrl": PUBLIC + "/voice/dialed?attempt=0"},
        None,
        ["Say", "Hangup"],
        None,
    ),
    (
        "/voice/fallback",
        {"ErrorCode": "11205", "ErrorUrl": PUBLIC + "/voice/voicemail"},
        None,
        ["Say", "Hangup"],
        None,
    ),
]
PARTIES = [
    "+4930123456", "anonymous", "+266696687", "sip:alice@example.com;a=\"b\"&c<d>", "client:a&b<c>\"d'e",
    "\"/><Hangup/>", "Köln\x01\x02]]>", "", "+" + "9" * 400,
]  # fmt: skip


def ask(port, call, target, params):
    """Status, content type and body."""
    pairs = list({"AccountSid": ACCOUNT, "CallSid": call, "CallStatus": "in-progress", "From": "+4930123456",
                  "To": "+15005550006", **params}.items())  # fmt: skip
    headers = {"Content-Type": FORM, "X-Twilio-Signature": sign(PUBLIC + target, pairs)}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", target, encoded(pairs), headers)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def put_live_call(cloud, call, live):
    fields = {"state": {"stringValue": live["state"]}, "attempt": {"integerValue": str(live["attempt"])}}
    if "number" in live:
        number = {"number": {"stringValue": live["number"]}}
        fields["transfer"] = {"mapValue": {"fields": number}}
    url = (
        f"{cloud.origin}/v1/projects/local-project/databases/(default)/documents/liveCalls?documentId={call}"
    )
    body = json.dumps({"fields": fields}).encode()
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", "Authorization": "Bearer owner"}
    )
    urllib.request.urlopen(request, timeout=20).close()


def top_verbs(document):
    return [node.tag for node in xml.etree.ElementTree.fromstring(document.encode())]


def at(moment):
    ms = (moment - datetime.datetime.now(datetime.timezone.utc)) / datetime.timedelta(milliseconds=1)
    return {"CLOCK_OFFSET_MS": str(int(ms))}


def answered(port, call, target, params):
    """The document; with what is wrong with it."""
    status, kind, document = ask(port, call, target, params)
    found = [] if (status, kind) == (200, "text/xml") else [f"{status} {kind}"]
    return document, found + list(twilio_twiml.findings(document))


def all_rows(cloud, port, is_open):
    for number, (target, params, live, verbs, verbs_closed) in enumerate(ROWS):
        call = f"CA{number:031x}{int(is_open)}"
        if live:
            put_live_call(cloud, call, live)
        document, found = answered(port, call, target, params)
        expected = verbs if is_open or verbs_closed is None else verbs_closed
        if not found and top_verbs(document) != expected:
            found = [f"{top_verbs(document)}, not {expected}"]
        for text in found:
            yield f"{target} {params} {live} {'open' if is_open else 'closed'}: {text}"


@case(
    "in every state of a call the webhook's document is one that Twilio knows, with the verbs that are meant"
)
def states():
    found = []
    with judge.local_cloud() as cloud:
        for moment in (OPEN, CLOSED):
            with twilio_services.service(cloud, "twiml-webhook", PUBLIC, **at(moment)) as port:
                found += all_rows(cloud, port, moment is OPEN)
    judge.no_findings(found)


@case("in every language the webhook's sentences have a language that Twilio can speak")
def languages():
    found, said = [], set()
    with judge.local_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PROFILE.parent, folder, dirs_exist_ok=True)
        text = PROFILE.read_text(encoding="utf-8")
        check("languages: [en, de]" in text, "the profile has other languages")
        for language in ("en", "de", "fr", "es", "it"):
            path = f"{folder}/{language}.yaml"
            with open(path, "w", encoding="utf-8") as out:
                out.write(text.replace("languages: [en, de]", f"languages: [{language}]"))
            env = {"BUSINESS_PROFILE": path, **at(CLOSED)}
            with twilio_services.service(cloud, "twiml-webhook", PUBLIC, **env) as port:
                for target in ("/voice/fallback", "/voice/dialed?attempt=5", "/voice/voicemail"):
                    document, wrong = answered(port, "CA" + "0" * 32, target, {"DialCallStatus": "busy"})
                    found += [f"{language} {target}: {text}" for text in wrong]
                    root = xml.etree.ElementTree.fromstring(document.encode())
                    said |= {node.get("language") for node in root.iter("Say")}
    judge.no_findings(found)
    check({"en-US", "de-DE", "fr-FR", "es-ES"} <= said, f"said in {said}")


@case("whatever stands in a caller's number, the webhook's document stays whole")
def hostile_parties():
    found = []
    with judge.local_cloud() as cloud:
        with twilio_services.service(cloud, "twiml-webhook", PUBLIC, **at(OPEN)) as port:
            for number, party in enumerate(PARTIES):
                for who in ("From", "To"):
                    for target, live in (("/voice/incoming", None), ("/voice/continue?attempt=0", transfer()),
                                         ("/voice/fallback", None)):  # fmt: skip
                        call = f"CA{number:029x}{int(who == 'To')}{len(target):02x}"
                        if live:
                            put_live_call(cloud, call, live)
                        _, wrong = answered(port, call, target, {who: party})
                        found += [f"{target} {who}={party!r}: {text}" for text in wrong]
    judge.no_findings(found)


@case("a transfer to something that is no number is not handed to Twilio")
def bad_transfer():
    found = []
    with judge.local_cloud() as cloud:
        with twilio_services.service(cloud, "twiml-webhook", PUBLIC, **at(OPEN)) as port:
            for number, bad in enumerate(('"/><Hangup/>', "030 555", "sip:x@example.com", "+49")):
                call = f"CA{number:032x}"
                put_live_call(cloud, call, transfer(bad))
                document, wrong = answered(port, call, "/voice/continue?attempt=0", {})
                found += [f"{bad!r}: {text}" for text in wrong]
                if top_verbs(document) != ["Say", "Dial"]:
                    found.append(f"{bad!r}: {top_verbs(document)}")
    judge.no_findings(found)
