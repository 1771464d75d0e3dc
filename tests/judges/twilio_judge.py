"""Everything of Twilio's in the end-to-end suite's record, by Twilio's OpenAPI file, the TwiML lists of its
Node library, its signature library and the documented shapes of webhooks and Media Streams."""

import functools
import json
import threading

import judge
import routing
import twilio_rest
import twilio_samples
import twilio_schema
from judge import case, check

# The suite's accounts sign with it (tests/e2e/calls): nobody else's.
SUITE_TOKEN = "c0ffee00c0ffee00c0ffee00c0ffee00"
_lock = threading.Lock()

# What whole calls cannot but have.
SEEN = [
    "rest GET 200",
    "webhook voice",
    "webhook dial",
    "webhook status",
    "webhook recording",
    "verb Response",
    "verb Start",
    "verb Recording",
    "verb Connect",
    "verb Stream",
    "verb Parameter",
    "verb Dial",
    "verb Number",
    "verb Say",
    "verb Hangup",
    "stream from connected",
    "stream from start",
    "stream from media",
    "stream from mark",
    "stream from stop",
    "stream to media",
    "stream to mark",
    "stream to clear",
]


@functools.cache
def _judged():
    """Findings by area, and what was seen, over all files of the record."""
    found = {"rest": [], "webhook": [], "stream": []}
    counts = twilio_schema.collections.Counter()
    validators = {}
    for entry in judge.record():
        if routing.owner(entry) != "twilio":
            continue
        name = entry["where"].split(":")[0]
        validator = validators.setdefault(name, twilio_schema.Validator(SUITE_TOKEN))
        area = "stream" if entry["kind"] == "ws" else "rest" if entry["side"] == "server" else "webhook"
        found[area] += [f"{entry['where']}: {text}" for text in validator.take(entry)]
    for name, validator in validators.items():
        found["stream"] += [f"{name}: {text}" for text in validator.end()]
        counts.update(validator.counts)
    return found, counts


def judged():
    with _lock:  # cases run at once; the record is read by the first
        return _judged()


@case("the services' REST requests and what local-cloud answers are as Twilio's OpenAPI file says")
def rest():
    judge.no_findings(judged()[0]["rest"])


@case("webhooks, their signatures and the TwiML that answers them are as Twilio's")
def webhooks():
    judge.no_findings(judged()[0]["webhook"])


@case("every message of every Media Stream has its documented shape and place, both ways")
def streams():
    judge.no_findings(judged()[0]["stream"])


@case("the record has every kind of Twilio's traffic that calls cannot but have")
def coverage():
    counts = judged()[1]
    judge.no_findings(f"nowhere in the record: {name}" for name in SEEN if not counts[name])


# --- the validator itself -----------------------------------------------------------------------


def findings_of(sample):
    validator = twilio_schema.Validator(twilio_samples.TOKEN)
    found = []
    for entry in twilio_samples.entries(sample):
        found += validator.take(entry)
    return found + validator.end()


@case("each deliberately bad sample of Twilio's formats is named by what is wrong with it")
def bad_samples():
    lines = (judge.SOURCE / "tests/judges/twilio_bad.jsonl").read_text(encoding="utf-8").splitlines()
    passed = []
    for number, line in enumerate(lines, 1):
        sample = json.loads(line)
        found = findings_of(sample)
        if not any(sample["expect"] in text for text in found):
            passed.append(f"twilio_bad.jsonl:{number}: not named: {sample['expect']!r}; found: {found}")
    judge.no_findings(passed)
    check(len(lines) >= 25, f"{len(lines)} bad samples")


GOOD_DOCUMENTS = [
    "<Response/>",
    '<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Joanna-Neural" language="en-US">Hi'
    '</Say><Gather input="dtmf speech" action="/g" finishOnKey=""><Say>Press</Say><Pause length="1"/>'
    "</Gather>"
    '<Redirect method="GET">/next?a=1#rc=2&amp;ct=2000&amp;rp=ct,rt,5xx</Redirect></Response>',
    '<Response><Start><Recording channels="dual" recordingStatusCallback="https://a.example.com/r#rc=3"'
    ' recordingStatusCallbackEvent="in-progress completed absent"/></Start><Connect action="/after">'
    '<Stream url="wss://a.example.com/media"><Parameter name="token" value="a.b"/></Stream></Connect>'
    "</Response>",
    '<Response><Dial action="/d" callerId="+15005550006" timeout="25"><Number statusCallbackEvent="initiated'
    ' completed" statusCallback="https://a.example.com/s">+4930123456</Number></Dial></Response>',
    '<Response><Record action="/v" maxLength="180" timeout="5" playBeep="false"/><Say>Bye</Say><Hangup/>'
    "</Response>",
    '<Response><Play loop="2">https://a.example.com/x.wav</Play><Play digits="1w#"/></Response>',
    '<Response><Reject reason="busy"/></Response>',
]


@case("right samples of each of Twilio's formats pass")
def good_samples():
    whole = ["connected", "start", ("play", "to"), ("send mark", "to"), "mark"]
    stream = [[w[1], w[0]] if isinstance(w, tuple) else ["from", w] for w in whole]
    stream += [
        ["from", "media", {"sequenceNumber": "3"}],
        ["from", "dtmf", {"sequenceNumber": "4"}],
        ["to", "clear"],
        ["from", "stop", {"sequenceNumber": "5"}],
        ["from", "close"],
    ]
    samples = [{"stream": stream}]
    samples += [{"rest": name} for name in twilio_samples.REST]
    samples += [{"hook": name} for name in twilio_samples.HOOKS]
    samples += [{"twiml": text} for text in GOOD_DOCUMENTS]
    judge.no_findings(f"{sample}: {found}" for sample in samples if (found := findings_of(sample)))


# Where the file's examples contradict its schemas.
EXAMPLES_WRONG = [
    "$.price: '-0.0025' is not of type 'number', 'null'",  # of a call's recording
    "$.recordings[0].price: '-0.0025' is not of type 'number', 'null'",
    "'Mon, 14 Feb 2022 22:23:00 +0100' is not a 'date-time-rfc-2822'",  # times are in UTC everywhere else
]


@case("Twilio's own examples of answers pass the reading of its OpenAPI file")
def official_examples():
    used = ("/Calls", "/Recordings", "/Messages.json", "/Messages/{Sid}.json")
    count, found = 0, []
    for operation in twilio_rest.operations():
        path = operation.name.split("{AccountSid}")[-1]
        if not path.startswith(used) or path.count("/") > 2 or "{Sid}/" in path:
            continue
        for name, example in operation.examples.items():
            count += 1
            wrong = operation.answer_findings(example)
            wrong = [text for text in wrong if not any(known in text for known in EXAMPLES_WRONG)]
            found += [f"{operation.name} {name}: {text}" for text in wrong]
    judge.no_findings(found)
    check(count >= 10, f"{count} examples")
