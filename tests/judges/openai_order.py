"""The order of events on one Realtime socket: what must come before what, which ids must be known, what is
answered by what. Source: OpenAI's Realtime guide and API reference (GA), and the order seen on the wire. Works
on events that openai_schema.py has found right; each rule yields sentences."""

import base64

from openai_schema import get

# Answered at once and in turn; what answers them.
ANSWERS = {
    "session.update": "session.updated",
    "conversation.item.create": "conversation.item.added",
    "conversation.item.retrieve": "conversation.item.retrieved",
    "conversation.item.delete": "conversation.item.deleted",
    "conversation.item.truncate": "conversation.item.truncated",
    "input_audio_buffer.commit": "input_audio_buffer.committed",
    "input_audio_buffer.clear": "input_audio_buffer.cleared",
}
# Which request an error without an event_id belongs to, by the beginning of its code or param.
ERRORS_OF = (
    ("response_cancel", "response.cancel"),
    ("conversation_already_has_active_response", "response.create"),
    ("response", "response.create"),
    ("item_truncate", "conversation.item.truncate"),
    ("audio_end_ms", "conversation.item.truncate"),
    ("unsupported_content_type", "conversation.item.truncate"),
    ("item_delete", "conversation.item.delete"),
    ("item_retrieve", "conversation.item.retrieve"),
    ("item", "conversation.item.create"),
    ("input_audio_buffer_commit", "input_audio_buffer.commit"),
    ("session", "session.update"),
    ("cannot_update", "session.update"),
    ("audio", "input_audio_buffer.append"),
)
# Sent without anybody's having asked.
UNASKED = (
    "session_expired",
    "server_error",
    "rate_limit_exceeded",
    "insufficient_quota",
    "invalid_api_key",
    "invalid_model",
    "missing_model",
    "beta_api_shape_disabled",
    None,
)
REFUSALS = (3000, 4000)
# The pieces of a part: delta, end, key of the whole.
PIECES = {
    "output_audio": ("audio", None),
    "output_audio_transcript": ("audio", "transcript"),
    "output_text": ("text", "text"),
}


class Item:
    def __init__(self, value, response=None):
        self.id, self.kind, self.role = value["id"], value["type"], value.get("role")
        self.call_id, self.name = value.get("call_id"), value.get("name")
        self.response = response
        self.in_conversation = self.done = self.closed = False  # closed: response.output_item.done
        self.audio_ms = 0.0
        self.arguments, self.arguments_done = "", False
        self.part = None  # the open one's type
        self.parts = 0
        self.said = {}  # by kind of piece
        self.ended = set()  # the same
        self.committed = False  # from the caller's audio
        self.heard, self.heard_done = "", False  # the caller's transcript


class Response:
    def __init__(self, value):
        self.id = value["id"]
        self.in_conversation = value["conversation_id"] is not None
        self.items = []


class Socket:
    """One connection. `ours`: the client is the media bridge, which keeps more rules than it must. `faulty`:
    the engine was asked to misbehave."""

    def __init__(self, ours=True, faulty=False):
        self.ours, self.faulty = ours, faulty
        self.session, self.updated = None, 0
        self.items, self.order = {}, []
        self.responses, self.active, self.finished = {}, None, set()
        self.asked, self.creates, self.cancels = [], [], 0
        self.sent_ids, self.seen_ids = {}, set()
        self.appended_ms = 0.0
        self.turn, self.turn_from = (
            None,
            0,
        )  # the caller's turn that is open, or stopped and not yet committed
        self.stopped = None
        self.automatic = 0  # turns that turn detection may answer by itself
        self.turn_since_call = False
        self.calls = {}  # by call_id: True once it is answered
        self.last_error = None
        self.server_closed = False

    # --- feeding ---

    def client(self, event):
        """Findings of an event of the client's."""
        name = event["type"]
        if self.session is None:
            yield f"client: {name} before session.created"
        if event.get("event_id"):
            if event["event_id"] in self.sent_ids:
                yield f"client: event_id {event['event_id']} was used before"
            self.sent_ids[event["event_id"]] = event
        for text in self._call("client", event):
            yield f"client: {name}: {text}"
        if name in ANSWERS:
            self.asked.append(event)

    def server(self, event):
        """Findings of an event of the engine's."""
        name = event["type"]
        if event["event_id"] in self.seen_ids:
            yield f"server: {name}: event_id {event['event_id']} was used before"
        self.seen_ids.add(event["event_id"])
        if self.session is None and name not in ("session.created", "error"):
            yield f"server: {name} before session.created"
        if self.server_closed:
            yield f"server: {name} after the close"
        for text in self._call("server", event):
            yield f"server: {name}: {text}"

    def close(self, by_server, code, reason=""):
        """Findings of the end of the connection."""
        if by_server:
            self.server_closed = True
            yield from self._refusal(code, reason)
        elif self.ours and code not in (1000, 1001) and code > 0:
            yield f"client: closes with {code}"
        if by_server or self.faulty:
            return
        for event in self.asked:
            yield f"server: {event['type']} was never answered"
        for _ in self.creates:
            yield "server: response.create was never answered"
        yield from self._unfinished()

    def _unfinished(self):
        """What should have come before the client went, but for the last turn's transcript."""
        turns = [item for item in self.items.values() if item.role == "user" and item.committed]
        for item in self.items.values():
            if (
                item.in_conversation
                and not item.done
                and (not item.response or item.response.id in self.finished)
            ):
                yield f"server: conversation.item.done of {item.id} never came"
        if self._setting("audio.input.transcription"):
            for item in turns[:-1]:
                if not item.heard_done:
                    yield f"server: the transcript of {item.id} never came"

    def _refusal(self, code, reason):
        if code in REFUSALS:
            error = self.last_error or {}
            wanted = ".".join(t for t in (error.get("type"), error.get("code")) if t)
            if not wanted:
                yield f"server: closes with {code} without an error before it"
            elif reason != wanted:
                yield f"server: closes with {code} for {reason}, the error was {wanted}"

    def _call(self, side, event):
        handler = getattr(self, f"{side}_{event['type'].replace('.', '_')}", None)
        return handler(event) or () if handler else ()

    def _answers(self, name, fits=lambda asked: True):
        """Takes the oldest request off that such an event answers; None: nobody asked."""
        if self.asked and ANSWERS[self.asked[0]["type"]] == name and fits(self.asked[0]):
            return self.asked.pop(0)
        return None

    def _setting(self, path):
        return get(self.session or {}, path)

    # --- the client ---

    def client_session_update(self, event):
        old, new = self._setting("audio.output.voice"), get(event, "session.audio.output.voice")
        if new and old and new != old and any(i.audio_ms for i in self.items.values()):
            yield "another voice after audio"
        if self.ours:
            for path in (
                "instructions",
                "audio.input.turn_detection",
                "audio.input.transcription",
                "tool_choice",
            ):
                if get(event["session"], path) is None:
                    yield f"the bridge says {path}"
            for side in ("input", "output"):
                if get(event, f"session.audio.{side}.format.type") != "audio/pcmu":
                    yield f"the bridge's {side} is audio/pcmu"

    def client_input_audio_buffer_append(self, event):
        n = len(base64.b64decode(event["audio"]))
        self.appended_ms += n / self._bytes_per_ms("input")
        if self.ours and not self.updated:
            yield "audio before session.updated: turn detection would run with its defaults"

    def client_conversation_item_create(self, event):
        item, after = event["item"], event.get("previous_item_id")
        if after and after != "root" and after not in self.items:
            yield f"previous_item_id {after} is not known"
        if item.get("id") in self.items:
            yield f"item {item['id']} is there already"
        if item["type"] == "function_call_output":
            if item["call_id"] not in self.calls:
                yield f"an output for call {item['call_id']}, which nobody made"
            elif self.calls[item["call_id"]]:
                yield f"a second output for call {item['call_id']}"
            self.calls[item["call_id"]] = True
        elif item["type"] == "function_call":
            self.calls[item["call_id"]] = False

    def client_conversation_item_truncate(self, event):
        item = self.items.get(event["item_id"])
        if not item or not item.in_conversation:
            yield f"item {event['item_id']} is not known"
        elif item.role != "assistant" or event["content_index"] != 0:
            yield "only the agent's audio can be cut"
        elif event["audio_end_ms"] > item.audio_ms:
            yield f"{event['audio_end_ms']} ms of {item.audio_ms:.0f}"

    def client_conversation_item_retrieve(self, event):
        if event["item_id"] not in self.items:
            yield f"item {event['item_id']} is not known"

    client_conversation_item_delete = client_conversation_item_retrieve

    def client_response_create(self, event):
        in_conversation = get(event, "response.conversation") != "none"
        if in_conversation and not self._setting("audio.input.turn_detection.create_response"):
            if self.active or any(get(c, "response.conversation") != "none" for c in self.creates):
                yield "while a response is active"
        if self.ours and get(event, "response.metadata.tag") is None:
            yield "without the tag by which the bridge knows its own"
        if (
            self.ours
            and in_conversation
            and get(event, "response.input") is None
            and not self.turn_since_call
        ):
            for call_id in (c for c, answered in self.calls.items() if not answered):
                yield f"before the output of call {call_id}"
        self.creates.append(event)

    def client_response_cancel(self, event):
        if event.get("response_id") and event["response_id"] not in {
            **self.responses,
            **dict.fromkeys(self.finished),
        }:
            yield f"response {event['response_id']} is not known"
        self.cancels += 1

    # --- the engine: session, errors ---

    def server_session_created(self, event):
        if self.session is not None:
            yield "a second time"
        self.session = event["session"]

    def server_session_updated(self, event):
        asked = self._answers("session.updated")
        if not asked:
            yield "nobody asked for it"
        elif self.session:
            yield from self._echo(asked["session"], event["session"], "session")
            if event["session"]["id"] != self.session["id"]:
                yield "another session.id"
        self.session = event["session"]
        self.updated += 1

    def _echo(self, asked, effective, path):
        """The whole session comes back, with what was asked for."""
        for key, value in asked.items():
            if isinstance(value, dict) and isinstance(effective.get(key), dict):
                yield from self._echo(value, effective[key], f"{path}.{key}")
            elif effective.get(key) != value:
                yield f"{path}.{key} is {effective.get(key)!r}, not {value!r}"

    def server_error(self, event):
        error = self.last_error = event["error"]
        if error.get("event_id"):
            yield from self._error_of(error["event_id"])
            return
        if error.get("code") in UNASKED:
            return
        for begin, name in ERRORS_OF:
            if (error.get("code") or "").startswith(begin) or (error.get("param") or "").startswith(begin):
                if not self._take(name):
                    yield f"{error['code']}: no {name} is open"
                return
        if self.asked:
            self.asked.pop(0)
        else:
            yield f"{error['code']}: nobody asked for anything"

    def _error_of(self, event_id):
        event = self.sent_ids.get(event_id)
        if not event:
            yield f"event_id {event_id} was never sent"
        elif not self._take(event["type"], event):
            yield f"event_id {event_id} has been answered"

    def _take(self, name, event=None):
        if name == "response.cancel":
            self.cancels -= 1
            return self.cancels >= 0
        if name == "input_audio_buffer.append":
            return True
        among = self.creates if name == "response.create" else self.asked
        for i, one in enumerate(among):
            if one is event or (event is None and one["type"] == name):
                del among[i]
                return True
        return False

    # --- the engine: the conversation ---

    def server_conversation_item_added(self, event):
        value, previous = event["item"], event["previous_item_id"]
        item = self.items.get(value["id"])
        last = self.order[-1] if self.order else None
        if item and item.in_conversation:
            yield "a second time"
        if item is None:  # the client's
            asked = self._answers("conversation.item.added")
            if not asked:
                yield f"item {value['id']} was not made by anybody"
            else:
                yield from self._created(asked, value)
                last = {None: last, "root": None}.get(
                    asked.get("previous_item_id"), asked.get("previous_item_id")
                )
            item = self.items[value["id"]] = Item(value)
        if item.committed and get(value, "content.0.transcript") is not None:
            yield "its transcript cannot be known yet"
        if previous != last:
            yield f"previous_item_id is {previous}, not {last}"
        item.in_conversation = True
        self.order.insert(self.order.index(previous) + 1 if previous in self.order else 0, item.id)

    def _created(self, asked, value):
        for key, wanted in asked["item"].items():
            if key not in ("status", "content") and value.get(key) != wanted:
                yield f"{key} is {value.get(key)!r}, not {wanted!r}"
        if len(value.get("content") or []) != len(asked["item"].get("content") or []):
            yield "its content is not what was sent"

    def server_conversation_item_done(self, event):
        item = self.items.get(event["item"]["id"])
        if not item or not item.in_conversation:
            yield "before it was added"
            return
        if item.done:
            yield "a second time"
        if item.closed:
            yield "after response.output_item.done"
        if event["item"]["status"] == "in_progress":
            yield "still in progress"
        if event["previous_item_id"] is not None and event["previous_item_id"] not in self.order:
            yield f"previous_item_id {event['previous_item_id']} is not known"
        item.done = True

    def server_conversation_item_retrieved(self, event):
        if not self._answers("conversation.item.retrieved", lambda a: a["item_id"] == event["item"]["id"]):
            yield "nobody asked for it"

    def server_conversation_item_deleted(self, event):
        if not self._answers("conversation.item.deleted", lambda a: a["item_id"] == event["item_id"]):
            yield "nobody asked for it"
        if self.items.pop(event["item_id"], None):
            self.order.remove(event["item_id"])

    def server_conversation_item_truncated(self, event):
        asked = self._answers("conversation.item.truncated", lambda a: a["item_id"] == event["item_id"])
        if not asked:
            yield "nobody asked for it"
            return
        if asked["audio_end_ms"] != event["audio_end_ms"]:
            yield f"{event['audio_end_ms']} ms, not {asked['audio_end_ms']}"
        item = self.items.get(event["item_id"])
        if not item or event["audio_end_ms"] > item.audio_ms:
            yield "beyond its audio"
        else:
            item.audio_ms = event["audio_end_ms"]

    # --- the engine: the caller ---

    def _bytes_per_ms(self, side):
        return 48 if self._setting(f"audio.{side}.format.type") == "audio/pcm" else 8

    def server_input_audio_buffer_speech_started(self, event):
        if self._setting("audio.input.turn_detection") is None:
            yield "without turn detection"
        if self.turn:
            yield f"the turn {self.turn} is still open"
        if event["item_id"] in self.items:
            yield f"item {event['item_id']} is there already"
        if not 0 <= event["audio_start_ms"] <= self.appended_ms:
            yield f"audio_start_ms {event['audio_start_ms']} of {self.appended_ms:.0f}"
        self.turn, self.turn_from = event["item_id"], event["audio_start_ms"]

    def server_input_audio_buffer_speech_stopped(self, event):
        if event["item_id"] != self.turn:
            yield f"of {event['item_id']}, the turn is {self.turn}"
        if not self.turn_from <= event["audio_end_ms"] <= self.appended_ms:
            yield f"audio_end_ms {event['audio_end_ms']} from {self.turn_from} to {self.appended_ms:.0f}"
        self.turn, self.stopped = None, event["item_id"]

    def server_input_audio_buffer_timeout_triggered(self, event):
        if not self._setting("audio.input.turn_detection.idle_timeout_ms"):
            yield "without idle_timeout_ms"
        self.stopped = event["item_id"]

    def server_input_audio_buffer_committed(self, event):
        by_client = self._answers("input_audio_buffer.committed")
        if not by_client and event["item_id"] != self.stopped:
            yield f"item {event['item_id']}: no speech_stopped, nobody committed"
        if event["item_id"] in self.items:
            yield f"item {event['item_id']} is there already"
        if event["previous_item_id"] != (self.order[-1] if self.order else None):
            yield f"previous_item_id is {event['previous_item_id']}"
        item = self.items[event["item_id"]] = Item(
            {"id": event["item_id"], "type": "message", "role": "user"}
        )
        item.committed = True
        self.stopped, self.turn = None, None if by_client else self.turn
        self.turn_since_call = True
        if not by_client and self._setting("audio.input.turn_detection.create_response"):
            self.automatic += 1

    def server_input_audio_buffer_cleared(self, event):
        if not self._answers("input_audio_buffer.cleared"):
            yield "nobody asked for it"
        self.turn = self.stopped = None

    def _caller(self, event):
        item = self.items.get(event["item_id"])
        if not item or item.role != "user":
            yield f"item {event['item_id']} is no turn of the caller's"
        elif item.heard_done:
            yield "after the end of its transcript"
        elif self._setting("audio.input.transcription") is None:
            yield "nobody asked for transcripts"

    def server_conversation_item_input_audio_transcription_delta(self, event):
        yield from self._caller(event)
        if event["item_id"] in self.items:
            self.items[event["item_id"]].heard += event.get("delta") or ""

    def server_conversation_item_input_audio_transcription_completed(self, event):
        yield from self._caller(event)
        item = self.items.get(event["item_id"])
        if item:
            if item.heard and item.heard != event["transcript"]:
                yield f"{event['transcript']!r}, its deltas said {item.heard!r}"
            item.heard_done = True

    def server_conversation_item_input_audio_transcription_failed(self, event):
        yield from self._caller(event)
        if event["item_id"] in self.items:
            self.items[event["item_id"]].heard_done = True

    # --- the engine: responses ---

    def server_response_created(self, event):
        value = event["response"]
        response = Response(value)
        if value["id"] in self.responses or value["id"] in self.finished:
            yield f"response {value['id']} was there before"
        if response.in_conversation and self.active:
            yield f"while {self.active.id} is active"
        yield from self._wish(value)
        self.responses[response.id] = response
        if response.in_conversation:
            self.active = response

    def _wish(self, value):
        """Takes off the response.create that this response answers; they are answered in turn."""
        asked = self.creates[0] if self.creates else None
        if asked and (get(asked, "response.metadata") or None) == (value.get("metadata") or None):
            self.creates.pop(0)
            if (get(asked, "response.conversation") == "none") == (value["conversation_id"] is not None):
                yield "it is not of the conversation that was asked for"
        elif self.automatic:
            self.automatic = 0
        elif self.faulty and self.creates:
            self.creates.pop(0)
        else:
            yield "nobody asked for it, or with other metadata"

    def _running(self, event):
        response = self.responses.get(event["response_id"])
        return response, () if response else (f"response {event['response_id']} is not running",)

    def server_response_output_item_added(self, event):
        response, found = self._running(event)
        yield from found
        if not response:
            return
        if event["output_index"] != len(response.items):
            yield f"output_index {event['output_index']}, not {len(response.items)}"
        if event["item"]["id"] in self.items:
            yield f"item {event['item']['id']} is there already"
        if event["item"]["status"] != "in_progress":
            yield f"its status is {event['item']['status']}"
        item = self.items[event["item"]["id"]] = Item(event["item"], response)
        response.items.append(item)

    def _piece(self, event):
        """The item of an event of a part, and what is wrong about its ids."""
        response, found = self._running(event)
        item = self.items.get(event["item_id"])
        found = list(found)
        if response and (not item or item.response is not response):
            found.append(f"item {event['item_id']} is not of this response")
        elif response and response.items[event["output_index"] : event["output_index"] + 1] != [item]:
            found.append(f"output_index {event['output_index']}")
        elif item and item.closed:
            found.append(f"item {item.id} is done")
        elif item and item.response and item.response.in_conversation and not item.in_conversation:
            found.append(f"before item {item.id} is in the conversation")
        return (None if found else item), found

    def server_response_content_part_added(self, event):
        item, found = self._piece(event)
        yield from found
        if item:
            if item.part or event["content_index"] != item.parts:
                yield f"content_index {event['content_index']}"
            item.part = event["part"]["type"]

    def server_response_content_part_done(self, event):
        item, found = self._piece(event)
        yield from found
        if not item:
            return
        if item.part != event["part"]["type"]:
            yield f"no {event['part']['type']} part is open"
        for kind, (part, key) in PIECES.items():
            if part == item.part and kind not in item.ended:
                yield f"before response.{kind}.done"
            elif part == item.part and key and event["part"].get(key) != item.said.get(kind, ""):
                yield f"its {key} is not what was said"
        item.part = None
        item.parts += 1

    def _delta(self, kind, event):
        item, found = self._piece(event)
        yield from found
        if not item:
            return
        if item.part != PIECES[kind][0] or event["content_index"] != item.parts:
            yield "no such part is open"
        if kind in item.ended:
            yield f"after response.{kind}.done"
        if kind == "output_audio":
            item.audio_ms += len(base64.b64decode(event["delta"])) / self._bytes_per_ms("output")
        else:
            item.said[kind] = item.said.get(kind, "") + event["delta"]

    def _end(self, kind, event):
        item, found = self._piece(event)
        yield from found
        if not item:
            return
        key = PIECES[kind][1]
        if item.part != PIECES[kind][0]:
            yield "no such part is open"
        if kind in item.ended:
            yield "a second time"
        if key and event[key] != item.said.get(kind, ""):
            yield f"{event[key]!r}, its deltas said {item.said.get(kind, '')!r}"
        item.ended.add(kind)

    def server_response_output_audio_delta(self, event):
        return self._delta("output_audio", event)

    def server_response_output_audio_done(self, event):
        return self._end("output_audio", event)

    def server_response_output_audio_transcript_delta(self, event):
        return self._delta("output_audio_transcript", event)

    def server_response_output_audio_transcript_done(self, event):
        return self._end("output_audio_transcript", event)

    def server_response_output_text_delta(self, event):
        return self._delta("output_text", event)

    def server_response_output_text_done(self, event):
        return self._end("output_text", event)

    def server_response_function_call_arguments_delta(self, event):
        item, found = self._piece(event)
        yield from found
        if item:
            if item.kind != "function_call" or event["call_id"] != item.call_id or item.arguments_done:
                yield f"call {event['call_id']} is not open"
            item.arguments += event["delta"]

    def server_response_function_call_arguments_done(self, event):
        item, found = self._piece(event)
        yield from found
        if item:
            if item.kind != "function_call" or (event["call_id"], event["name"]) != (item.call_id, item.name):
                yield f"call {event['call_id']} of {event['name']} is not open"
            if event["arguments"] != item.arguments:
                yield "they are not what the deltas said"
            item.arguments_done = True

    def server_response_output_item_done(self, event):
        item, found = self._piece({**event, "item_id": event["item"]["id"]})
        yield from found
        if not item:
            return
        if event["item"]["status"] == "in_progress":
            yield "still in progress"
        if item.part:
            yield "before response.content_part.done"
        if item.kind == "message" and not item.parts and event["item"]["status"] == "completed":
            yield "a completed message without a part"
        if item.response.in_conversation and not item.done:
            yield "before conversation.item.done"
        if item.kind == "function_call" and event["item"]["status"] == "completed":
            if not item.arguments_done or event["item"]["arguments"] != item.arguments:
                yield "its arguments are not what was said"
            self.calls[item.call_id] = False
            self.turn_since_call = False
        item.closed = True

    def server_response_done(self, event):
        value = event["response"]
        response = self.responses.pop(value["id"], None)
        if not response:
            yield f"response {value['id']} is not running"
            return
        for item in response.items:
            if not item.closed:
                yield f"before response.output_item.done of {item.id}"
        if [i["id"] for i in value["output"]] != [i.id for i in response.items]:
            yield "its output is not the items that were added"
        if value["status"] == "completed" and any(i["status"] != "completed" for i in value["output"]):
            yield "completed, yet an item is not"
        if value["status"] == "cancelled" and get(value, "status_details.reason") == "client_cancelled":
            self.cancels -= 1
            if self.cancels < 0:
                yield "cancelled by nobody"
        if self.active is response:
            self.active = None
        self.finished.add(response.id)

    def server_rate_limits_updated(self, event):
        if not self.responses and not self.finished:
            yield "before any response"
