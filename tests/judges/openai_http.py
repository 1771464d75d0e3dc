"""OpenAI's transcription endpoint: a recorded request's form, judged by the parameters of the Python client
and by what the documents say of each model, and its answer."""

import io
import json
import re
import typing
import wave

from openai.types import AudioResponseFormat
from openai.types.audio import transcription_create_params as params

import openai_schema as schema

FIELDS = typing.get_type_hints(params.TranscriptionCreateParamsBase) | {"stream": bool}
LISTS = {
    "include",
    "keywords",
    "known_speaker_names",
    "known_speaker_references",
    "languages",
    "timestamp_granularities",
}
FORMATS = typing.get_args(AudioResponseFormat)
# What each family takes beside json.
MORE_FORMATS = {
    "whisper-1": ("text", "srt", "verbose_json", "vtt"),
    "gpt-4o-transcribe-diarize": ("text", "diarized_json"),
}
ENDINGS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
FILE_MAX = 25 * 1024 * 1024
DISPOSITION = re.compile(rb'form-data; name="([^"\r\n]+)"(?:; filename="([^"\r\n]*)")?')


class Part:
    def __init__(self, name, filename, headers, data, whole):
        self.name, self.filename, self.headers, self.data, self.whole = name, filename, headers, data, whole


def read_form(content_type, body, truncated):
    """Parts and findings of a multipart body; the last part of a truncated one is not whole."""
    boundary = re.fullmatch(
        r'multipart/form-data; boundary="?([A-Za-z0-9\'()+_,./:=? -]{1,70})"?', content_type or ""
    )
    if not boundary:
        return [], [f"Content-Type is {content_type}"]
    mark = b"--" + boundary[1].encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    found = []
    if pieces[0]:
        found.append("bytes before the first part")
    if not truncated and pieces[-1] not in (b"--", b"--\r\n"):
        found.append("the form does not end with its boundary")
    parts = []
    last = len(pieces) - 1
    for i, piece in enumerate(pieces[1:] if truncated else pieces[1:-1], 1):
        head, middle, data = piece.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        disposition = DISPOSITION.fullmatch(headers.get(b"Content-Disposition", b""))
        if not middle or not disposition:
            found.append(f"part {i} has no proper head")
            continue
        name, filename = (None if v is None else v.decode() for v in disposition.groups())
        parts.append(Part(name, filename, headers, data, not truncated or i < last))
    return parts, found


def _field(part, texts):
    """Findings of one field; collects its text."""
    name = part.name.removesuffix("[]")
    value = part.data.decode("utf-8", "replace")
    if name not in FIELDS:
        return [f"unknown field {part.name}"]
    if (name in LISTS) != part.name.endswith("[]"):
        return [f"field {part.name}: brackets belong to lists, and to lists only"]
    if part.name in texts and name not in LISTS:
        return [f"field {part.name} twice"]
    texts.setdefault(part.name, []).append(value)
    return []


def _settings(texts):
    """Findings of the fields together."""
    model, form = texts.get("model", [""])[0], texts.get("response_format", ["json"])[0]
    if not model:
        yield "no model"
    if form not in FORMATS:
        yield f"response_format {form}"
    elif form != "json" and form not in MORE_FORMATS.get(model, ()):
        yield f"response_format {form} is not for {model}"
    for one in texts.get("timestamp_granularities[]", []):
        if one not in ("word", "segment") or form != "verbose_json":
            yield f"timestamp_granularities {one} with {form}"
    for name in ("languages[]", "keywords[]"):
        if name in texts and model != "gpt-transcribe":
            yield f"{name} is not for {model}"
    for one in texts.get("language", []) + texts.get("languages[]", []):
        if not schema.LANGUAGE.fullmatch(one):
            yield f"language {one}"


def _file(part):
    """Findings of the file, and its seconds (None: not known)."""
    if not part.filename or part.filename.rpartition(".")[2] not in ENDINGS:
        return [f"file name {part.filename}"], None
    if len(part.data) > FILE_MAX:
        return ["more than 25 MB"], None
    if not part.filename.endswith(".wav") or not part.whole:
        return [], None
    try:
        with wave.open(io.BytesIO(part.data)) as sound:
            kind, frames, hz = (
                (sound.getnchannels(), sound.getsampwidth()),
                sound.getnframes(),
                sound.getframerate(),
            )
            inside = len(sound.readframes(frames)) // (kind[0] * kind[1])
    except (wave.Error, EOFError) as why:
        return [f"the WAV file: {why}"], None
    if inside != frames:
        return [f"the WAV file says {frames} frames and has {inside}"], None
    if int.from_bytes(part.data[4:8], "little") != len(part.data) - 8:
        return ["the WAV file's RIFF size is wrong"], None
    return [], frames / hz


def request(content_type, body, truncated=False):
    """Findings, fields (lists of texts by name) and seconds of audio of a transcription request."""
    parts, found = read_form(content_type, body, truncated)
    texts, seconds, files = {}, None, 0
    for part in parts:
        if part.name == "file":
            more, seconds = _file(part)
            files += 1
        else:
            more = _field(part, texts)
        found += more
    if files != 1:
        found.append(f"{files} files")
    found += _settings(texts)
    return [f"transcription request: {text}" for text in found], texts, seconds


def answer(status, content_type, body, texts, seconds):
    """Findings of the answer to a request with such fields."""
    form = texts.get("response_format", ["json"])[0]
    kind = (content_type or "").partition(";")[0]
    if status == 200 and form in ("text", "srt", "vtt"):
        return [] if kind == "text/plain" else [f"transcription: {form} comes as {content_type}"]
    if kind != "application/json":
        return [f"transcription: {status} comes as {content_type}"]
    try:
        value = json.loads(body)
    except ValueError:
        return [f"transcription: {status} is no JSON"]
    if status != 200:
        return schema.error_body(value)
    return schema.transcription_body(value, form == "verbose_json", seconds)
