"""OpenAI's own clients against local-cloud's voice engine and transcription endpoint: whole calls with
speech, a tool and an interruption, every documented error, every format of a transcript. What passed on the
wire is judged as well."""

import array
import base64
import contextlib
import io
import json
import os
import tempfile
import threading
import time
import wave

import openai
from websockets.exceptions import ConnectionClosed, InvalidStatus

import judge
import openai_judge
import openai_schema as schema

MODEL = "gpt-realtime-2.1"
BYTES_PER_MS = 8
WAIT_S, CALL_S = 30, 90
SILENCE = b"\xff" * (900 * BYTES_PER_MS)

INSTRUCTIONS = """You are Clara, the telephone receptionist of Lindenhof Clinic.
# The business
Name: Lindenhof Clinic
# Opening hours
- Monday: 09:00 to 18:00
- Tuesday: 09:00 to 18:00
- Wednesday: 09:00 to 18:00
- Thursday: 09:00 to 18:00
- Friday: 09:00 to 18:00
# Services
- Check-up (id check-up), 30 minutes, price: sixty euros, with Doctor Weber. A general look.
# This call
Today is Tuesday, 2026-11-24 (Tuesday). The time is 10:00 in Europe/Berlin. The business is open now.
The caller's number is known; it ends in 4567.
"""
REQUEST = "Hello, I would like to book a check-up on Thursday morning please."
CHOICE = "Yes, the first one please."
SLOTS = {
    "slots": [
        {"slotId": "s1", "date": "2026-11-26", "time": "09:00"},
        {"slotId": "s2", "date": "2026-11-26", "time": "09:30"},
    ],
    "say": "I have Thursday at nine or nine thirty. Which one suits you?",
}
TOOLS = [
    {
        "type": "function",
        "name": name,
        "description": "Of the business.",
        "parameters": {"type": "object", "properties": {}},
    }
    for name in ("findAvailability", "holdSlot", "bookAppointment")
]


def client_of(cloud, key="sk-judge"):
    return openai.OpenAI(base_url=f"{cloud.origin}/v1", api_key=key, max_retries=0)


class Call:
    """A Realtime connection of the Python client that keeps what it received."""

    def __init__(self, connection):
        self.connection, self.events = connection, []

    def send(self, name, **fields):
        self.connection.send({"type": name, **fields})

    def until(self, name, fits=lambda event: True):
        """The next such event."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            event = self.connection.recv().model_dump()
            self.events.append(event)
            if event["type"] == name and fits(event):
                return event
        raise AssertionError(f"no {name} within {WAIT_S} s; last: {[e['type'] for e in self.events[-9:]]}")

    def seen(self, name, fits=lambda event: True):
        """One that has come already, or the next."""
        before = [e for e in self.events if e["type"] == name and fits(e)]
        return before[-1] if before else self.until(name, fits)

    def say(self, ulaw):
        for i in range(0, len(ulaw), 800):
            self.send("input_audio_buffer.append", audio=base64.b64encode(ulaw[i : i + 800]).decode())

    def audio(self, response_id):
        return b"".join(
            base64.b64decode(e["delta"])
            for e in self.events
            if e["type"] == "response.output_audio.delta" and e["response_id"] == response_id
        )


@contextlib.contextmanager
def connected(cloud, key="sk-judge", model=MODEL, **query):
    with client_of(cloud, key).realtime.connect(model=model, extra_query=query) as connection:
        watchdog = threading.Timer(CALL_S, connection.close)  # recv() of this client waits for ever
        watchdog.daemon = True
        watchdog.start()
        try:
            yield Call(connection)
        finally:
            watchdog.cancel()


def session(**more):
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": TOOLS,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-transcribe", "language": "en"},
                "turn_detection": {
                    "type": "server_vad",
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
        **more,
    }


def spoken(cloud, text):
    """A caller's speech, mu-law: said by the engine itself, in another voice than the agent's."""
    with connected(cloud) as call:
        call.send(
            "session.update",
            session=session(audio={"output": {"format": {"type": "audio/pcmu"}, "voice": "cedar"}}),
        )
        call.until("session.updated")
        call.send("response.create", response={"instructions": f'Say exactly: "{text}"', "input": []})
        done = call.until("response.done")
        return call.audio(done["response"]["id"])


def wire_is_right(cloud, **least):
    """Judges all Realtime traffic that local-cloud has recorded; `least`: how many of which event are due."""
    found, listener = openai_judge.findings_of(cloud.record, ours=False)
    judge.no_findings(found)
    for name, n in least.items():
        seen = sum(listener.count[side][name.replace("__", ".")] for side in listener.count)
        judge.check(seen >= n, f"{name}: {seen} on the wire, at least {n} were due")
    return listener


# --- whole calls ----------------------------------------------------------------------------------


@judge.case("the Python client's Realtime socket holds a call with a tool and an interruption")
def python_call():
    with judge.local_cloud() as cloud:
        request, choice = spoken(cloud, REQUEST), spoken(cloud, CHOICE)
        with connected(cloud) as call:
            call.until("session.created")
            call.send("session.update", session=session())
            call.until("session.updated")
            greet(call)
            call_tool(call, request)
            interrupt(call, choice)
            judge.check(not [e for e in call.events if e["type"] == "error"], "an error event")
        wire_is_right(
            cloud,
            **{
                "conversation.item.truncated": 1,
                "response.function_call_arguments.done": 1,
                "conversation.item.input_audio_transcription.completed": 2,
            },
        )


def greet(call):
    call.send(
        "response.create",
        event_id="greet",
        response={
            "instructions": 'Say exactly: "Lindenhof Clinic, how can I help you?"',
            "tool_choice": "none",
            "metadata": {"k": "greet"},
            "input": [],
        },
    )
    done = call.until("response.done")["response"]
    judge.check(done["status"] == "completed" and done["metadata"] == {"k": "greet"}, f"greeting: {done}")
    judge.check(
        done["output"][0]["content"][0]["transcript"] == "Lindenhof Clinic, how can I help you?", f"{done}"
    )
    judge.check(len(call.audio(done["id"])) > 1000 * BYTES_PER_MS, "a greeting takes a second")


def call_tool(call, request):
    call.say(request + SILENCE)
    done = call.until("response.done")["response"]
    calls = [item for item in done["output"] if item["type"] == "function_call"]
    judge.check([c["name"] for c in calls] == ["findAvailability"], f"tools: {calls}")
    judge.check(json.loads(calls[0]["arguments"])["service"] == "check-up", calls[0]["arguments"])
    call.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": calls[0]["call_id"], "output": json.dumps(SLOTS)},
    )
    call.send("response.create", event_id="follow")


def interrupt(call, choice):
    """The caller speaks as soon as the agent does; the cut is put where the caller heard it."""
    delta = call.until("response.output_audio.delta")
    call.say(choice)
    call.until("input_audio_buffer.speech_started")
    call.send("conversation.item.truncate", item_id=delta["item_id"], content_index=0, audio_end_ms=20)
    call.say(SILENCE)
    done = call.until("response.done")["response"]
    judge.check(
        (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected"), f"{done}"
    )
    call.send("conversation.item.retrieve", item_id=delta["item_id"])
    item = call.until("conversation.item.retrieved")["item"]
    judge.check(len(item["content"][0]["transcript"]) < 20, f"what is left after 20 ms: {item}")
    call.until("response.done")
    call.seen(
        "conversation.item.input_audio_transcription.completed", lambda e: "first" in e["transcript"].lower()
    )


@judge.case("the Agents SDK's Twilio transport holds a call with a tool and an interruption")
def agents_call():
    with judge.local_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        for name, text in (("request", REQUEST), ("choice", CHOICE)):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(spoken(cloud, text))
        with open(os.path.join(folder, "call.json"), "w", encoding="utf-8") as f:
            json.dump({"instructions": INSTRUCTIONS, "slots": SLOTS}, f)
        judge.node("openai_agents.mjs", f"ws://{cloud.host}/v1/realtime?model={MODEL}", folder, seconds=90)
        wire_is_right(
            cloud,
            **{
                "session.update": 2,
                "conversation.item.retrieved": 2,
                "conversation.item.truncated": 1,
                "response.function_call_arguments.done": 1,
                "response.cancel": 0,
            },
        )


# --- errors ---------------------------------------------------------------------------------------

# Every error of the Realtime interface that the client can bring about: what it sends (text as it is, bytes
# as a binary message), and the error's code and param.
REFUSED = (
    ("no JSON", "{", "invalid_json", None),
    ("a binary message", b"\0", "invalid_event", None),
    ("no object", "[]", "invalid_event", None),
    ("an unknown type", {"type": "response.begin"}, "invalid_value", "type"),
    ("no type", {"event_id": "e1"}, "missing_required_parameter", "type"),
    (
        "an unknown field",
        {"type": "session.update", "session": {"type": "realtime", "temperature": 1}},
        "unknown_parameter",
        "session.temperature",
    ),
    (
        "an unknown field of a tool",
        {
            "type": "session.update",
            "session": {"type": "realtime", "tools": [{"type": "function", "name": "f", "meta": {}}]},
        },
        "unknown_parameter",
        "session.tools[0].meta",
    ),
    (
        "a missing field",
        {"type": "session.update", "session": {}},
        "missing_required_parameter",
        "session.type",
    ),
    (
        "a rate of telephones",
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}},
            },
        },
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (
        "a truncate without its index",
        {"type": "conversation.item.truncate", "item_id": "i", "audio_end_ms": 0},
        "missing_required_parameter",
        "content_index",
    ),
    (
        "a truncate of nothing",
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 0},
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    (
        "a delete of nothing",
        {"type": "conversation.item.delete", "item_id": "i"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    (
        "a retrieve of nothing",
        {"type": "conversation.item.retrieve", "item_id": "i"},
        "item_retrieve_invalid_item_id",
        "item_id",
    ),
    ("a cancel of nothing", {"type": "response.cancel"}, "response_cancel_not_active", None),
    ("a commit of nothing", {"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    (
        "an item id with a dot",
        {
            "type": "conversation.item.create",
            "item": {
                "id": "a.b",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "x"}],
            },
        },
        "invalid_value",
        "item.id",
    ),
    (
        "a truncate of a text",
        {"type": "conversation.item.truncate", "item_id": "typed", "content_index": 0, "audio_end_ms": 0},
        "unsupported_content_type",
        None,
    ),
    (
        "a truncate beyond the end",
        {
            "type": "conversation.item.truncate",
            "item_id": "SPOKEN",
            "content_index": 0,
            "audio_end_ms": 999999,
        },
        "invalid_value",
        "audio_end_ms",
    ),
    (
        "another voice after audio",
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}},
        "cannot_update_voice",
        "session.audio.output.voice",
    ),
)


def error_of(call, sent, code, param, name):
    """Sends what must be refused, and judges the error."""
    if isinstance(sent, dict):
        sent = {"event_id": f"e-{name.replace(' ', '-')}", **sent}
    call.connection.send_raw(json.dumps(sent) if isinstance(sent, dict) else sent)
    event = json.loads(call.connection.recv_bytes())
    found = schema.event(event, False)
    judge.check(not found and event["type"] == "error", f"{name}: {found or event}")
    error = event["error"]
    judge.check(error["code"] == code and error["type"] == "invalid_request_error", f"{name}: {error}")
    judge.check(param is None or error["param"] == param, f"{name}: {error}")
    judge.check(
        error["event_id"] == (sent["event_id"] if isinstance(sent, dict) else None), f"{name}: {error}"
    )


@judge.case("every error that a client can cause has its documented code, and the session lives on")
def refused_events():
    with judge.local_cloud() as cloud, connected(cloud) as call:
        call.until("session.created")
        call.send(
            "conversation.item.create",
            item={
                "id": "typed",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Hello"}],
            },
        )
        call.until("conversation.item.done")
        call.send("response.create", response={"instructions": 'Say exactly: "Hello."'})
        spoken_id = call.until("response.done")["response"]["output"][0]["id"]
        call.until("rate_limits.updated")
        for name, sent, code, param in REFUSED:
            if isinstance(sent, dict) and sent.get("item_id") == "SPOKEN":
                sent = {**sent, "item_id": spoken_id}
            error_of(call, sent, code, param, name)
        call.send("session.update", session={"type": "realtime", "instructions": "Still here."})
        judge.check(
            call.until("session.updated")["session"]["instructions"] == "Still here.", "the session is gone"
        )


@judge.case("a second response and one that ends by itself have their codes")
def active_response():
    with judge.local_cloud() as cloud, connected(cloud) as call:
        call.until("session.created")
        say = {"instructions": 'Say exactly: "One, two, three, four, five, six, seven, eight, nine, ten."'}
        call.send("response.create", response=say)
        first = call.until("response.created")["response"]["id"]
        call.send("response.create", event_id="second", response=say)
        error = call.until("error")["error"]
        judge.check(error["code"] == "conversation_already_has_active_response", f"{error}")
        call.until("response.output_audio.delta")
        call.send("response.cancel", response_id=first)
        done = call.until("response.done")["response"]
        judge.check((done["id"], done["status"]) == (first, "cancelled"), f"{done}")
        call.send("response.create", response=say)
        judge.check(
            call.until("response.done")["response"]["status"] == "completed", "the next one is not said"
        )
        wire_is_right(cloud, error=1)


# How a connection begins or goes wrong: key, query, the error's code, the close code (None: it stays open).
BEGINNINGS = (
    ("bad-key", {}, "invalid_api_key", 3000),
    ("sk-x", {"model": "gpt-transcribe"}, "invalid_model", 4000),
    ("sk-x", {"model": ""}, "missing_model", 4000),
    ("sk-x", {"fault": "error:insufficient_quota"}, "insufficient_quota", 4000),
    ("sk-x", {"fault": "error:rate_limit_exceeded,code:1013"}, "rate_limit_exceeded", 1013),
    ("sk-x", {"fault": "error:server_error,code:1011"}, "server_error", 1011),
    ("sk-x", {"fault": "error:server_error,error_after:50"}, "server_error", None),
    ("sk-x", {"fault": "expire_after:50"}, "session_expired", 1001),
)


@judge.case("what ends a session is said by an error before the close, with the documented codes")
def beginnings():
    with judge.local_cloud() as cloud:
        for key, query, code, close in BEGINNINGS:
            with connected(
                cloud, key, query.get("model", MODEL), **{k: v for k, v in query.items() if k != "model"}
            ) as call:
                error = call.until("error")["error"]
                kind = "server_error" if code == "server_error" else "invalid_request_error"
                judge.check((error["code"], error["type"]) == (code, kind), f"{query}: {error}")
                if close is not None:
                    closed = closed_with(call)
                    judge.check(closed == close, f"{query}: closed with {closed}")
        with contextlib.suppress(InvalidStatus):
            with connected(cloud, call_id="rtc_1"):
                raise AssertionError("a call that is not there was found")
        wire_is_right(cloud, error=len(BEGINNINGS))


def closed_with(call):
    try:
        return call.connection.recv().type
    except ConnectionClosed as why:
        return why.rcvd.code if why.rcvd else None


@judge.case("a response fails with the code that its end names")
def failed_responses():
    with judge.local_cloud() as cloud:
        for code in (
            "server_error",
            "inference_rate_limit_exceeded",
            "rate_limit_exceeded",
            "insufficient_quota",
        ):
            with connected(cloud, fault=f"fail_responses:1,fail_code:{code}") as call:
                call.until("session.created")
                call.send("response.create")
                done = call.until("response.done")["response"]
                judge.check(
                    done["status"] == "failed" and done["status_details"]["error"]["code"] == code, f"{done}"
                )
        wire_is_right(cloud, **{"response.done": 4})


# --- transcription --------------------------------------------------------------------------------


def ulaw_to_linear(byte):
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return -value if byte & 0x80 else value


def wav_of(ulaw):
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(array.array("h", (ulaw_to_linear(b) for b in ulaw)).tobytes())
    return out.getvalue()


@judge.case("the Python client reads a transcript in every format that is served")
def transcripts():
    with judge.local_cloud() as cloud:
        ulaw = SILENCE + spoken(cloud, REQUEST) + SILENCE
        sound, seconds = wav_of(ulaw), len(ulaw) / 8000
        create = client_of(cloud).audio.transcriptions.create
        for model, form in (("gpt-transcribe", "json"), ("whisper-1", "json"), ("whisper-1", "verbose_json")):
            more = {"timestamp_granularities": ["word", "segment"]} if form == "verbose_json" else {}
            said = create(model=model, file=("call.wav", sound), response_format=form, language="en", **more)
            found = schema.transcription_body(
                json.loads(said.to_json(exclude_unset=True)), form == "verbose_json", seconds
            )
            judge.no_findings(found)
            judge.check("thursday morning" in said.text.lower(), f"{model} {form}: {said.text}")
        judge.check(said.segments and len(said.words) > 8, f"{said}")
        text = create(model="whisper-1", file=("call.wav", sound), response_format="text")
        judge.check(text.strip() == said.text, f"text: {text!r}")
        subtitles(create, sound, said)
        judge.no_findings(
            text
            for entry in cloud.record
            if "/v1/audio/transcriptions" in entry.get("url", "")
            for text in openai_judge.transcription_findings({"where": "", **entry})
        )


def subtitles(create, sound, said):
    srt = create(model="whisper-1", file=("call.wav", sound), response_format="srt").strip().split("\n\n")
    vtt = create(model="whisper-1", file=("call.wav", sound), response_format="vtt").strip().split("\n\n")
    judge.check(vtt[0] == "WEBVTT" and len(vtt) == len(srt) + 1 == len(said.segments) + 1, f"{srt} {vtt}")
    for i, segment in enumerate(said.segments):
        number, times, *lines = srt[i].split("\n")
        begin, end = (clock(t) for t in times.split(" --> "))
        judge.check(number == str(i + 1) and " ".join(lines) == segment.text, f"{srt[i]}")
        judge.check(
            abs(begin - segment.start) < 0.002 and abs(end - segment.end) < 0.002, f"{srt[i]} {segment}"
        )
        judge.check(vtt[i + 1].split("\n")[0] == times.replace(",", "."), f"{vtt[i + 1]}")


def clock(text):
    h, m, s = text.replace(",", ".").split(":")
    return int(h) * 3600 + int(m) * 60 + float(s)


@judge.case("the Python client tells the errors of the transcription endpoint and of the models apart")
def http_errors():
    with judge.local_cloud() as cloud:
        client, sound = client_of(cloud), wav_of(SILENCE)
        rows = (
            (
                "a wrong key",
                openai.AuthenticationError,
                "invalid_api_key",
                lambda: client_of(cloud, "bad").audio.transcriptions.create(
                    model="whisper-1", file=("a.wav", sound)
                ),
            ),
            (
                "an unknown model",
                openai.NotFoundError,
                "model_not_found",
                lambda: client.audio.transcriptions.create(model="gpt-9", file=("a.wav", sound)),
            ),
            (
                "a format of another model",
                openai.BadRequestError,
                "unsupported_value",
                lambda: client.audio.transcriptions.create(
                    model="gpt-transcribe", file=("a.wav", sound), response_format="verbose_json"
                ),
            ),
            (
                "no audio",
                openai.BadRequestError,
                None,
                lambda: client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"not a sound")),
            ),
            (
                "no ending",
                openai.BadRequestError,
                None,
                lambda: client.audio.transcriptions.create(model="whisper-1", file=("sound", sound)),
            ),
            (
                "too much",
                openai.APIStatusError,
                None,
                lambda: client.audio.transcriptions.create(
                    model="whisper-1", file=("a.wav", sound + b"\0" * (25 << 20))
                ),
            ),
            (
                "no such model",
                openai.NotFoundError,
                "model_not_found",
                lambda: client.models.retrieve("gpt-9"),
            ),
        )
        for name, kind, code, ask in rows:
            http_error(name, kind, code, ask)
        for model in client.models.list():
            judge.no_findings(schema.model_body(json.loads(model.to_json(exclude_unset=True))))
        judge.check(client.models.retrieve(MODEL).id == MODEL, "the model is not found by its name")


def http_error(name, kind, code, ask):
    try:
        ask()
    except openai.APIStatusError as why:
        judge.check(type(why) is kind or kind is openai.APIStatusError, f"{name}: {type(why).__name__} {why}")
        judge.check(code is None or why.code == code, f"{name}: {why.code}")
        judge.no_findings(schema.error_body(why.response.json()))
        judge.check(kind is not openai.APIStatusError or why.status_code == 413, f"{name}: {why.status_code}")
    else:
        raise AssertionError(f"{name}: accepted")
