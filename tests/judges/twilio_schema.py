"""Everything of Twilio's in a record: who owns an entry, and what is wrong with it.

REST (twilio_rest), webhooks and the TwiML in their answers (twilio_hooks, twilio_twiml), Media Streams
(twilio_media)."""

import collections
import urllib.parse

import twilio_hooks
import twilio_media
import twilio_rest
import twilio_twiml
from twilio_text import body_of, header

OURS = {"twiml-webhook", "media-bridge", "tool-gateway", "post-call", "outcome-writer", "dashboard"}
MEDIA_PATH = "/media"


def is_stream(entry):
    """A Media Stream: local-cloud is its client, at the path of <Stream url>."""
    path = urllib.parse.urlsplit(entry["url"]).path
    return entry["kind"] == "ws" and entry["side"] == "client" and path.rstrip("/").endswith(MEDIA_PATH)


class Validator:
    """take() each entry of one record in order, then end(). Both return findings; `counts` says what was
    seen: "rest POST 201", "webhook voice", "verb Say", "stream from media" …"""

    def __init__(self, auth_token, answers_judged=True):
        self.auth_token = auth_token
        self.answers_judged = answers_judged  # are the application's answers ours?
        self.counts = collections.Counter()
        self.streams = {}
        self.sequences = twilio_hooks.Sequences()

    def take(self, entry):
        if is_stream(entry):
            return self._stream(entry)
        if entry["kind"] != "http":
            return []
        if twilio_rest.is_rest(entry):
            return self._rest(entry)
        if twilio_hooks.is_hook(entry):
            return self._hook(entry)
        return []

    def _rest(self, entry):
        status = entry["answer"]["status"] if entry["answer"] else 0
        self.counts[f"rest {entry['method']} {status}"] += 1
        return _cut(entry) or twilio_rest.findings(entry, entry["service"] in OURS)

    def _hook(self, entry):
        cut = _cut(entry)
        if cut:
            return cut
        found = twilio_hooks.findings(entry, self.auth_token, self.answers_judged)
        try:
            kind = twilio_hooks.kind_of(entry)
            self.counts[f"webhook {kind.name}"] += 1
            found += self.sequences.take(entry)
            judged = self.answers_judged and kind.twiml and entry["answer"]
            if judged and entry["answer"]["status"] == 200:
                for verb in twilio_twiml.verbs(body_of(entry["answer"])):
                    self.counts[f"verb {verb}"] += 1
        except (ValueError, SyntaxError) as why:
            found = found or [str(why)]
        return found

    def _stream(self, entry):
        if entry.get("truncated"):
            return ["a message of the stream is cut in the record"]
        stream = self.streams.setdefault(entry["conn"], twilio_media.Stream())
        if entry["type"] == "open":
            return list(twilio_hooks.upgrade_findings(entry, self.auth_token))
        direction = "from" if entry["direction"] == "out" else "to"  # local-cloud sends what Twilio sends
        return list(stream.take(direction, entry["type"], entry.get("data", "")))

    def end(self):
        found = list(self.sequences.end())
        for conn, stream in self.streams.items():
            found += [f"stream {conn}: {text}" for text in stream.end()]
            for (direction, event), n in stream.counts.items():
                self.counts[f"stream {direction} {event}"] += n
        return found


def _cut(entry):
    """A body that is not in the record as a whole cannot be judged; audio is looked at by its beginning."""
    for side in ("request", "answer"):
        message = entry[side]
        if message and message.get("truncated") and not header(message, "Content-Type").startswith("audio/"):
            return [f"the {side}'s body is cut in the record"]
    return []
