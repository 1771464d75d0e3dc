"""OpenAI's wire formats, judged by the types of OpenAI's own Python client: wrong types, missing and unknown
fields, and the limits that OpenAI documents beside the types. One event or body at a time; openai_order.py
judges whether they come in the right order."""

import base64
import binascii
import json
import re
import typing

import jsonschema
import openai.types.audio as audio_types
import openai.types.realtime as realtime_types
from openai.types import Model
from pydantic import BaseModel, ValidationError


def _members(union):
    """The models of a union, however deeply nested."""
    for one in typing.get_args(union):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one
        else:
            yield from _members(one)


def _by_type(union):
    return {
        name: model
        for model in _members(union)
        for name in typing.get_args(model.model_fields["type"].annotation)
    }


SERVER = _by_type(realtime_types.RealtimeServerEvent)
CLIENT = _by_type(realtime_types.RealtimeClientEvent)

# What the types lack although the service sends it; every entry has its reason.
EXCEPTIONS = {
    "session.created session.id": "sent by the service, in the types of POST client_secrets only",
    "session.created session.object": "the same",
    "session.created session.expires_at": "the same",
    "session.updated session.id": "the same",
    "session.updated session.object": "the same",
    "session.updated session.expires_at": "the same",
    "verbose_json task": "documented and sent, not in the type",
}

# In the types, yet never on a plain WebSocket of the GA interface.
ELSEWHERE = {
    "conversation.item.created": "of the interface before GA",
    "output_audio_buffer.started": "WebRTC and SIP only",
    "output_audio_buffer.stopped": "WebRTC and SIP only",
    "output_audio_buffer.cleared": "WebRTC and SIP only",
    "output_audio_buffer.clear": "WebRTC and SIP only",
    "input_audio_buffer.dtmf_event_received": "SIP only",
}

# The types make nearly everything optional. These are always there.
REQUIRED = {
    "session.created": (
        "session.id",
        "session.object",
        "session.expires_at",
        "session.audio.input.format.type",
        "session.type",
    ),
    "session.updated": (
        "session.id",
        "session.object",
        "session.expires_at",
        "session.audio.input.format.type",
        "session.type",
    ),
    "response.created": (
        "response.id",
        "response.object",
        "response.status",
        "response.output",
        "response.output_modalities",
        "response.max_output_tokens",
    ),
    "response.done": (
        "response.id",
        "response.object",
        "response.status",
        "response.output",
        "response.output_modalities",
        "response.max_output_tokens",
    ),
    "response.output_item.added": ("item.id", "item.object", "item.status"),
    "response.output_item.done": ("item.id", "item.object", "item.status"),
    "response.content_part.added": ("part.type",),
    "response.content_part.done": ("part.type",),
    "conversation.item.added": ("item.id", "item.object", "item.status"),
    "conversation.item.done": ("item.id", "item.object", "item.status"),
    "conversation.item.retrieved": ("item.id", "item.object", "item.status"),
    "conversation.item.input_audio_transcription.delta": ("delta", "content_index"),
    "rate_limits.updated": ("rate_limits",),
}
# Null is a value here, but the key must be there.
PRESENT = {
    "conversation.item.added": ("previous_item_id",),
    "conversation.item.done": ("previous_item_id",),
    "input_audio_buffer.committed": ("previous_item_id",),
    "response.created": ("response.status_details", "response.usage", "response.conversation_id"),
    "response.done": ("response.status_details", "response.usage", "response.conversation_id"),
}

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
TRANSCRIBERS = (
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe-diarize",
    "whisper-1",
)
ITEM_ID = re.compile(r"[a-zA-Z0-9_-]{1,32}")
LANGUAGE = re.compile(r"[a-z]{2,3}")
AUDIO_MAX = 15 * 1024 * 1024
ABSENT = object()


def at(value, path):
    """What stands at `path` ("a.b.0.c"), or ABSENT."""
    for key in path.split("."):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value


def get(value, path, otherwise=None):
    found = at(value, path)
    return otherwise if found is ABSENT else found


def _unknown(value, path=""):
    """Paths of the fields that no type knows."""
    if isinstance(value, BaseModel):
        for key in value.model_extra or {}:
            yield f"{path}{key}"
        for key in type(value).model_fields:
            yield from _unknown(getattr(value, key), f"{path}{key}.")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _unknown(one, f"{path}{key}.")
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from _unknown(one, f"{path}{i}.")


def _errors(why):
    """What is wrong, without the members of a union that are not meant: their `type` or `role` is another."""
    errors = why.errors()
    others = [
        e["loc"][:-1] for e in errors if e["type"] == "literal_error" and e["loc"][-1] in ("type", "role")
    ]
    meant = [e for e in errors if not any(e["loc"][: len(o)] == o for o in others)]
    return meant or errors


def of_model(model, value, name):
    """Findings of `value` against a model of the client."""
    try:
        read = model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as why:
        return [f"{name}: {'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in _errors(why)[:4]]
    return [f"{name}: unknown field {path}" for path in _unknown(read) if f"{name} {path}" not in EXCEPTIONS]


def event(value, from_client):
    """Findings of one Realtime event."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return ["an event is an object with a type"]
    name = value["type"]
    model = (CLIENT if from_client else SERVER).get(name)
    if not model:
        return [f"{name}: no {'client' if from_client else 'server'} event of this name"]
    if name in ELSEWHERE:
        return [f"{name}: {ELSEWHERE[name]}"]
    # Nine in ten events are this one; its two texts need no model.
    plain_audio = (
        name == "input_audio_buffer.append"
        and set(value) == {"type", "audio"}
        and type(value["audio"]) is str
    )
    found = [] if plain_audio else of_model(model, value, name)
    found += [f"{name}: {path} is missing" for path in REQUIRED.get(name, ()) if get(value, path) is None]
    found += [f"{name}: {path} is missing" for path in PRESENT.get(name, ()) if at(value, path) is ABSENT]
    if not found:
        found = [f"{name}: {text}" for text in (_client_limits if from_client else _server_limits)(value)]
    return found


# --- limits that the types do not say -------------------------------------------------------------


def _between(value, path, least, most):
    found = get(value, path)
    if found is not None and not least <= found <= most:
        yield f"{path} = {found} is not within {least} and {most}"


def _is_base64(text):
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return -1


def _tokens(value, path):
    found = get(value, path)
    if isinstance(found, int) and not 1 <= found <= 4096:
        yield f"{path} = {found}"


def _modalities(value, path):
    found = get(value, path)
    if found is not None and found not in (["audio"], ["text"]):
        yield f"{path} = {found}: one of both"


def _tools(value, path):
    for i, tool in enumerate(get(value, path) or []):
        where = f"{path}.{i}"
        if tool.get("type") not in ("function", "mcp"):
            yield f"{where}.type is missing"
        if tool.get("type") == "function":
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.get("name") or ""):
                yield f"{where}.name = {tool.get('name')}"
            yield from _json_schema(tool.get("parameters"), where)


def _json_schema(parameters, where):
    if parameters is None:
        return
    try:
        jsonschema.Draft202012Validator.check_schema(parameters)
    except jsonschema.SchemaError as why:
        yield f"{where}.parameters: {why.message}"
    if isinstance(parameters, dict) and parameters.get("type") != "object":
        yield f"{where}.parameters: its type must be object"


def _format(value, path):
    found = get(value, path)
    if found is None:
        return
    if found.get("type") == "audio/pcm" and found.get("rate") != 24000:
        yield f"{path}.rate = {found.get('rate')}"
    if found.get("type") not in ("audio/pcm", "audio/pcmu", "audio/pcma"):
        yield f"{path}.type = {found.get('type')}"


def _session_limits(value):
    detection = get(value, "session.audio.input.turn_detection")
    transcription = get(value, "session.audio.input.transcription") or {}
    voice = get(value, "session.audio.output.voice")
    language = transcription.get("language")
    if get(value, "session.type") not in ("realtime", "transcription"):
        yield "session.type is missing"
    yield from _format(value, "session.audio.input.format")
    yield from _format(value, "session.audio.output.format")
    yield from _tokens(value, "session.max_output_tokens")
    yield from _modalities(value, "session.output_modalities")
    yield from _tools(value, "session.tools")
    yield from _between(value, "session.audio.output.speed", 0.25, 1.5)
    yield from _between(value, "session.audio.input.turn_detection.threshold", 0, 1)
    yield from _between(value, "session.audio.input.turn_detection.idle_timeout_ms", 5000, 30000)
    yield from _between(value, "session.audio.input.turn_detection.prefix_padding_ms", 0, 60000)
    yield from _between(value, "session.audio.input.turn_detection.silence_duration_ms", 0, 60000)
    if detection and detection.get("type") not in ("server_vad", "semantic_vad"):
        yield f"turn_detection.type = {detection.get('type')}"
    if isinstance(voice, str) and voice not in VOICES:
        yield f"session.audio.output.voice = {voice}"
    if transcription and transcription.get("model") not in TRANSCRIBERS:
        yield f"transcription.model = {transcription.get('model')}"
    if language is not None and not LANGUAGE.fullmatch(language):
        yield f"transcription.language = {language}"
    if (transcription.get("languages") or transcription.get("keywords")) and transcription.get(
        "model"
    ) not in ("gpt-transcribe", "gpt-live-transcribe"):
        yield f"languages and keywords are not for {transcription.get('model')}"


def _metadata(value, path):
    found = get(value, path) or {}
    if len(found) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in found.items()):
        yield f"{path}: at most 16 pairs of 64 and 512 characters"


def _item_limits(item, from_client):
    if item.get("id") is not None and not (ITEM_ID if from_client else re.compile(r"\S+")).fullmatch(
        item["id"]
    ):
        yield f"item.id = {item['id']}"
    if item.get("type") == "message":
        allowed = {
            "system": ("input_text",),
            "user": ("input_text", "input_audio", "input_image"),
            "assistant": ("output_text",) if from_client else ("output_text", "output_audio"),
        }
        for part in item["content"]:
            if part.get("type") not in allowed[item["role"]]:
                yield f"content of {item['role']} is {part.get('type')}"
            elif part["type"] in ("input_text", "output_text") and part.get("text") is None:
                yield "a part without its text"
        if from_client and not item["content"]:
            yield "a message without content"
    elif item.get("type", "").startswith("function_call") and not item.get("call_id"):
        yield "item.call_id is missing"


def _client_limits(value):
    name = value["type"]
    if name == "session.update":
        yield from _session_limits(value)
    elif name == "input_audio_buffer.append":
        n = _is_base64(value["audio"])
        if not 0 < n <= AUDIO_MAX:
            yield "audio is no base64, empty, or more than 15 MiB"
    elif name == "conversation.item.create":
        yield from _item_limits(value["item"], True)
    elif name == "conversation.item.truncate":
        if value["audio_end_ms"] < 0 or value["content_index"] < 0:
            yield "a negative time or index"
    elif name == "response.create":
        yield from _tokens(value, "response.max_output_tokens")
        yield from _modalities(value, "response.output_modalities")
        yield from _tools(value, "response.tools")
        yield from _metadata(value, "response.metadata")
        if get(value, "response.conversation") not in (None, "auto", "none"):
            yield "response.conversation"
    if len(value.get("event_id") or "") > 512:
        yield "event_id is too long"


def _sums(usage):
    """Token counts that do not add up."""
    into, out = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    cached = into.get("cached_tokens_details") or {}
    text_in, audio_in, image_in = (into.get(k) or 0 for k in ("text_tokens", "audio_tokens", "image_tokens"))
    if usage.get("total_tokens") != usage.get("input_tokens", 0) + usage.get("output_tokens", 0):
        yield "total_tokens is not their sum"
    if usage.get("input_tokens") != text_in + audio_in + image_in:
        yield "input_tokens is not the sum of its details"
    if usage.get("output_tokens") != (out.get("text_tokens") or 0) + (out.get("audio_tokens") or 0):
        yield "output_tokens is not the sum of its details"
    if (into.get("cached_tokens") or 0) != sum(v or 0 for v in cached.values()):
        yield "cached_tokens is not the sum of its details"
    if (cached.get("text_tokens") or 0) > text_in or (cached.get("audio_tokens") or 0) > audio_in:
        yield "more cached tokens than tokens"
    if any(v is not None and v < 0 for v in (*cached.values(), text_in, audio_in)):
        yield "a negative count"


STATUS_REASONS = {
    "cancelled": ("turn_detected", "client_cancelled"),
    "incomplete": ("max_output_tokens", "content_filter"),
}


def _status_details(response):
    status, details = response["status"], response["status_details"]
    if status in ("in_progress", "completed"):
        if details is not None:
            yield f"status_details of a response that is {status}"
    elif details is None or details.get("type") != status:
        yield f"status_details do not say {status}"
    elif status == "failed" and not get(details, "error.type"):
        yield "a failure without its error"
    elif status in STATUS_REASONS and details.get("reason") not in STATUS_REASONS[status]:
        yield f"{status} because of {details.get('reason')}"


def _response_limits(value):
    response = value["response"]
    yield from _status_details(response)
    yield from _metadata(value, "response.metadata")
    if value["type"] == "response.created":
        if response["status"] != "in_progress" or response["output"] or response["usage"] is not None:
            yield "a new response is in progress, without output and usage"
        return
    if response["status"] == "in_progress":
        yield "a response that is done is still in progress"
    if response["usage"] is not None:
        yield from _sums(response["usage"])
    elif response["status"] == "completed":
        yield "a completed response without usage"
    for item in response["output"]:
        yield from _item_limits(item, False)


def _session_reply_limits(value):
    session = value["session"]
    kinds = {"realtime": "realtime.session", "transcription": "realtime.transcription_session"}
    if session["object"] != kinds[session["type"]]:
        yield f"session.object = {session['object']}"
    if not isinstance(session["id"], str) or not session["id"].startswith("sess_"):
        yield f"session.id = {session['id']}"
    if type(session["expires_at"]) is not int:
        yield f"session.expires_at = {session['expires_at']}"
    yield from _session_limits(value)


def _server_limits(value):
    name = value["type"]
    if not value["event_id"]:
        yield "event_id is empty"
    if name in ("session.created", "session.updated"):
        yield from _session_reply_limits(value)
    elif name in ("response.created", "response.done"):
        yield from _response_limits(value)
    elif "item" in value:
        yield from _item_limits(value["item"], False)
    elif name == "response.output_audio.delta":
        if _is_base64(value["delta"]) <= 0:
            yield "delta is no base64 or empty"
    elif name == "error":
        if not value["error"]["type"] or not value["error"]["message"]:
            yield "an error without type or message"
    elif name == "rate_limits.updated":
        for limit in value["rate_limits"]:
            if not limit.get("name") or not 0 <= limit.get("remaining", -1) <= limit.get("limit", -1):
                yield f"rate limit {limit}"


# --- bodies ---------------------------------------------------------------------------------------


def error_body(value):
    """Findings of the body of an HTTP error."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or set(value) != {"error"}:
        return ["error body: an object with `error`"]
    if set(error) != {"message", "type", "param", "code"}:
        return [f"error body: its keys are {sorted(error)}"]
    if not isinstance(error["message"], str) or not error["message"] or not isinstance(error["type"], str):
        return ["error body: message and type are texts"]
    return [
        f"error body: {key} = {error[key]}"
        for key in ("param", "code")
        if not isinstance(error[key], (str, type(None)))
    ]


def model_body(value):
    return of_model(Model, value, "model")


def transcription_body(value, verbose, seconds):
    """Findings of a transcription in JSON; `seconds`: the audio's length."""
    model = audio_types.TranscriptionVerbose if verbose else audio_types.Transcription
    found = of_model(model, value, "verbose_json" if verbose else "json")
    if found:
        return found
    last = 0.0
    if verbose and abs(value["duration"] - seconds) > 0.05:
        found.append(f"verbose_json: duration {value['duration']} of {seconds} s")
    for kind in ("segments", "words"):
        last = 0.0
        for one in value.get(kind) or []:
            if not last <= one["start"] <= one["end"] <= seconds + 0.05:
                found.append(f"verbose_json: {kind} from {one['start']} to {one['end']}")
            last = one["start"]
    usage = value.get("usage")
    if usage and usage["type"] == "duration" and not 0 <= usage["seconds"] - seconds < 1.001:
        found.append(f"usage of {usage['seconds']} s for {seconds} s")
    return found
