"""Twilio's own clients drive local-cloud's REST, and a call obeys TwiML that the official library wrote."""

import time
import urllib.error
import urllib.request

from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Connect, Dial, Gather, Start, VoiceResponse

import judge
import twilio_media
import twilio_schema
from judge import case, check
from twilio_app import ACCOUNT, FROM, TO, TOKEN, Phone, client, tone, world

FINAL = ("completed", "busy", "failed", "no-answer", "canceled")


def judged(cloud, *needs):
    """Everything of Twilio's that this local-cloud has sent and answered, by the schema. `needs`: what must
    be seen; an exchange is on record when it has ended, which may be after we have seen its request."""

    def judge_record():
        validator = twilio_schema.Validator(TOKEN)
        found = [text for entry in cloud.record for text in validator.take(entry)]
        return found + validator.end(), validator.counts

    found, _ = until(judge_record, lambda got: all(got[1][name] for name in needs), f"not on record: {needs}")
    judge.no_findings(found)


def until(fetch, done, what):
    """Asks again until the answer is the one that is waited for."""
    for _ in range(200):
        got = fetch()
        if done(got):
            return got
        time.sleep(0.1)
    raise AssertionError(f"{what}: {got}")


def status_of(api, sid):
    return lambda: api.calls(sid).fetch().status


def running(api, app, twiml="<Response><Pause length='60'/></Response>"):
    """A call that has been answered."""
    call = api.calls.create(to=FROM, from_=TO, twiml=str(twiml))
    until(status_of(api, call.sid), lambda s: s == "in-progress", "the call is not answered")
    return call


def refused(what, status, code, ask):
    """`code` None: no document says which."""
    try:
        ask()
    except TwilioRestException as error:
        check(
            error.status == status and code in (error.code, None),
            f"{what}: {error.status} {error.code}, not {status} {code}: {error.msg}",
        )
        check(error.uri, f"{what}: the error has no address")
        return
    raise AssertionError(f"{what}: was not refused")


# --- calls --------------------------------------------------------------------------------------


@case("the Python client places a call that reports its progress and can be fetched")
def places_a_call():
    with world() as (cloud, app, _):
        api = client(cloud)
        app.says("/outbound", hang_up_after(1))
        call = api.calls.create(
            to=FROM,
            from_=TO,
            url=app.origin + "/outbound?tenant=a%20b",
            status_callback=app.origin + "/progress",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )
        check(call.status == "queued" and call.direction == "outbound-api", f"{call.status} {call.direction}")
        asked = app.wait("/outbound")
        check(asked.params["CallSid"] == call.sid, "the document was asked for another call")
        told = app.wait("/progress", 4)
        order = [app.wait("/progress", n).params for n in (1, 2, 3, 4)]
        by_number = sorted(order, key=lambda p: int(p["SequenceNumber"]))
        statuses = [p["CallStatus"] for p in by_number]
        check(statuses == ["initiated", "ringing", "in-progress", "completed"], f"told {statuses}")
        check(told.method == "POST", told.method)
        done = until(lambda: api.calls(call.sid).fetch(), lambda c: c.status == "completed", "not completed")
        check(int(done.duration) >= 1, f"it lasted {done.duration}")
        check(done.start_time and done.end_time >= done.start_time, "the times are wrong")
        judged(cloud, "rest POST 201", "rest GET 200", "webhook voice", "webhook status")


def hang_up_after(seconds):
    document = VoiceResponse()
    document.pause(length=seconds)
    document.hangup()
    return document


@case("methods that the client asks for are used: document, fallback and status callback by GET")
def methods_are_used():
    with world() as (cloud, app, _):
        api = client(cloud)
        app.answers["/broken"] = [(500, "text/plain", b"")]
        app.says("/fallback", hang_up_after(1))
        api.calls.create(
            to=FROM,
            from_=TO,
            url=app.origin + "/broken?a=1",
            method="GET",
            fallback_url=app.origin + "/fallback",
            fallback_method="GET",
            status_callback=app.origin + "/progress?b=2",
            status_callback_method="GET",
        )
        for path in ("/broken", "/fallback", "/progress"):
            check(app.wait(path).method == "GET", f"{path} was asked by {app.wait(path).method}")
        check(app.wait("/fallback").params["ErrorCode"] == "11200", "the fallback is not told why")
        judged(cloud, "webhook fallback")


@case("a running call is redirected by URL, then by TwiML, then ended, and says so")
def redirects_a_call():
    with world() as (cloud, app, _):
        api = client(cloud)
        app.says("/elsewhere", VoiceResponse().append(VoiceResponse().pause(length=60)))
        app.says("/by-get", "<Response><Pause length='60'/></Response>")
        app.says("/by-twiml", "<Response><Pause length='60'/></Response>")
        call = running(api, app)
        api.calls(call.sid).update(url=app.origin + "/elsewhere", method="POST")
        app.wait("/elsewhere")
        api.calls(call.sid).update(url=app.origin + "/by-get?x=%C3%B6", method="GET")
        check(app.wait("/by-get").method == "GET", "the method of the update was not used")
        redirect = VoiceResponse()
        redirect.redirect(app.origin + "/by-twiml?q=1&r=a%26b")
        api.calls(call.sid).update(twiml=redirect, status_callback=app.origin + "/over")
        asked = app.wait("/by-twiml")
        check(asked.url.endswith("/by-twiml?q=1&r=a%26b"), asked.url)
        ended = api.calls(call.sid).update(status="completed")
        check(ended.status == "completed", ended.status)
        check(app.wait("/over").params["CallStatus"] == "completed", "the new status callback is not told")
        refused(
            "redirect of a call that is over", 400, 21220, lambda: api.calls(call.sid).update(twiml=redirect)
        )
        refused(
            "end of a call that is over", 400, 21220, lambda: api.calls(call.sid).update(status="completed")
        )
        judged(cloud, "rest POST 200", "rest POST 400")


@case("a call that rings is canceled, and a call that is over can be deleted")
def cancels_a_call():
    with world() as (cloud, app, _):
        api = client(cloud)
        call = api.calls.create(
            to=FROM, from_=TO, url=app.origin + "/never", status_callback=app.origin + "/progress"
        )
        refused("delete of a call that rings", 409, None, lambda: api.calls(call.sid).delete())
        check(api.calls(call.sid).update(status="canceled").status == "canceled", "it is not canceled")
        check(app.wait("/progress").params["CallStatus"] == "canceled", "nobody is told")
        check("/never" not in app.paths(), "a canceled call asked for its document")
        check(api.calls(call.sid).delete(), "it is not deleted")
        refused("fetch of what was deleted", 404, 20404, lambda: api.calls(call.sid).fetch())
        judged(cloud, "rest DELETE 204")


@case("a time limit ends a call")
def time_limit():
    with world() as (cloud, app, _):
        api = client(cloud)
        call = api.calls.create(
            to=FROM, from_=TO, twiml="<Response><Pause length='60'/></Response>", time_limit=2
        )
        until(status_of(api, call.sid), lambda s: s == "completed", "it goes on")
        later = running(api, app)
        api.calls(later.sid).update(time_limit=1)
        until(status_of(api, later.sid), lambda s: s == "completed", "it goes on")
        judged(cloud)


@case("lists are filtered, and paged as the client follows them")
def lists():
    with world() as (cloud, app, _):
        api = client(cloud)
        sids = {api.calls.create(to=f"+493012345{n}", from_=TO, twiml="<Response/>").sid for n in range(5)}
        listed = [c.sid for c in api.calls.list(page_size=2)]
        check(
            len(listed) == 5 and set(listed) == sids,
            f"{len(listed)} listed, of them {len(sids & set(listed))}",
        )
        first = api.calls.page(page_size=2)
        check(len(list(first)) == 2, "a page has another size")
        second = first.next_page()
        check(len(list(second)) == 2, "the next page has another size")
        back = second.previous_page()
        check(
            [c.sid for c in back] == [c.sid for c in api.calls.page(page_size=2)],
            "previous_page is another one",
        )
        only = api.calls.list(to="+4930123453")
        check([c.to for c in only] == ["+4930123453"], f"{[c.to for c in only]}")
        check(len(api.calls.list(limit=3)) == 3, "the limit is not kept")
        until(lambda: api.calls.list(status="completed"), lambda got: len(got) == 5, "by status")
        check(api.calls.list(status="busy") == [], "others than busy ones")
        judged(cloud, "rest GET 200")


@case("lists of calls are filtered by the day on which they began")
def lists_by_time():
    import datetime

    with world() as (cloud, app, _):
        api = client(cloud)
        call = running(api, app)
        today = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        for fits, query in (
            (1, {"start_time_after": today - day}),
            (0, {"start_time_after": today + day}),
            (0, {"start_time_before": today - day}),
            (1, {"start_time_before": today + day}),
            (1, {"start_time": datetime.datetime(today.year, today.month, today.day)}),
            (0, {"end_time_after": today - day}),
        ):
            check(
                len(api.calls.list(**query)) == fits, f"{query}: {len(api.calls.list(**query))}, not {fits}"
            )
        api.calls(call.sid).update(status="completed")
        check(len(api.calls.list(end_time_after=today - day)) == 1, "a call that ended today")
        judged(cloud)


# --- errors -------------------------------------------------------------------------------------


@case("every refusal reaches the Python client as status and code")
def refusals():
    nobody = "CA" + "0" * 32
    with world() as (cloud, app, _):
        api = client(cloud)
        wrong = client(cloud, token="0" * 32)
        ok = {"to": FROM, "from_": TO}
        url = app.origin + "/x"
        refused("wrong token", 401, 20003, lambda: wrong.calls(nobody).fetch())
        refused("wrong account", 401, 20003, lambda: client(cloud, "AC" + "9" * 32).calls(nobody).fetch())
        refused("unknown call", 404, 20404, lambda: api.calls(nobody).fetch())
        refused("unknown call, update", 404, 20404, lambda: api.calls(nobody).update(status="completed"))
        refused("unknown recording", 404, 20404, lambda: api.recordings("RE" + "0" * 32).fetch())
        refused("unknown recording, delete", 404, 20404, lambda: api.recordings("RE" + "0" * 32).delete())
        refused("unknown message", 404, 20404, lambda: api.messages("SM" + "0" * 32).fetch())
        refused("what is not done", 404, 20404, lambda: api.conferences("CF" + "0" * 32).fetch())
        refused("no To", 400, 21201, lambda: api.calls.create(to="", from_=TO, url=url))
        refused("bad To", 400, 21217, lambda: api.calls.create(to="+1", from_=TO, url=url))
        refused("no From", 400, 21213, lambda: api.calls.create(to=FROM, from_="", url=url))
        refused("bad From", 400, 21212, lambda: api.calls.create(to=FROM, from_="+0", url=url))
        refused("no document", 400, 21205, lambda: api.calls.create(**ok))
        refused("relative URL", 400, 21205, lambda: api.calls.create(**ok, url="/voice"))
        refused("bad method", 400, 21209, lambda: api.calls.create(**ok, url=url, method="PUT"))
        refused("long TwiML", 400, 32018, lambda: api.calls.create(**ok, twiml="<Response>" + " " * 4000))
        refused(
            "bad status callback", 400, 21609, lambda: api.calls.create(**ok, url=url, status_callback="x")
        )
        call = running(api, app)
        refused("bad status", 400, 21218, lambda: api.calls(call.sid).update(status="in-progress"))
        both = {"url": url, "twiml": "<Response/>"}
        refused("URL and TwiML", 400, None, lambda: api.calls(call.sid).update(**both))
        refused("bad URL", 400, 21205, lambda: api.calls(call.sid).update(url="voice"))
        api.calls(call.sid).update(status="completed")
        judged(cloud, "rest POST 400", "rest GET 401", "rest GET 404")


@case("messages are sent, listed, fetched, deleted and refused as with test credentials")
def messages():
    with world() as (cloud, app, _):
        api = client(cloud)
        sent = api.messages.create(
            to=FROM, from_=TO, body="Grüße & mehr: 10 % 😀", status_callback=app.origin + "/sms?a=b"
        )
        check(sent.status in ("queued", "accepted"), sent.status)
        check(sent.body == "Grüße & mehr: 10 % 😀", sent.body)
        check(app.wait("/sms", MessageStatus="delivered").params["MessageSid"] == sent.sid, "another message")
        got = api.messages(sent.sid).fetch()
        check(got.status == "delivered" and got.num_segments == "1", f"{got.status} {got.num_segments}")
        check([m.sid for m in api.messages.list(to=FROM)] == [sent.sid], "it is not listed")
        check(api.messages.list(to="+4930000000") == [], "others are listed")
        for to, code in (
            ("+15005550001", 21211), ("+15005550002", 21612), ("+15005550003", 21408),
            ("+15005550004", 21610), ("+15005550009", 21614), ("12", 21211),
        ):  # fmt: skip
            refused(
                f"message to {to}", 400, code, lambda to=to: api.messages.create(to=to, from_=TO, body="x")
            )
        refused("no body", 400, 21602, lambda: api.messages.create(to=FROM, from_=TO))
        refused("no sender", 400, 21603, lambda: api.messages.create(to=FROM, body="x"))
        refused("long body", 400, 21617, lambda: api.messages.create(to=FROM, from_=TO, body="ö" * 1601))
        check(api.messages.create(to=FROM, from_=TO, body="ö" * 1600).sid, "1600 characters are possible")
        check(api.messages(sent.sid).delete(), "it is not deleted")
        refused("what was deleted", 404, 20404, lambda: api.messages(sent.sid).fetch())
        judged(cloud, "webhook message", "rest DELETE 204")


# --- recordings ---------------------------------------------------------------------------------


def download(cloud, path, **headers):
    request = urllib.request.Request(cloud.origin + path, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers, answer.read()


@case(
    "a recording is started, paused, resumed, stopped, fetched, listed, downloaded and deleted by the client"
)
def recording():
    with world() as (cloud, app, _):
        api = client(cloud)
        call = running(api, app)
        made = api.calls(call.sid).recordings.create(
            recording_channels="dual",
            recording_status_callback=app.origin + "/recording",
            recording_status_callback_event=["in-progress", "completed", "absent"],
        )
        check((made.status, made.channels) == ("in-progress", 2), f"{made.status} {made.channels}")
        app.wait("/recording", RecordingStatus="in-progress")
        current = api.calls(call.sid).recordings("Twilio.CURRENT")
        check(current.update(status="paused", pause_behavior="skip").status == "paused", "it is not paused")
        check(current.update(status="in-progress").status == "in-progress", "it does not go on")
        refused("second recording", 400, 21220, lambda: api.calls(call.sid).recordings.create())
        refused("bad status", 400, None, lambda: current.update(status="deleted"))
        time.sleep(1.1)
        stopped = api.calls(call.sid).recordings(made.sid).update(status="stopped")
        check(stopped.status in ("stopped", "processing", "completed"), stopped.status)
        told = app.wait("/recording", RecordingStatus="completed").params
        check(told["RecordingSid"] == made.sid and told["RecordingChannels"] == "2", f"{told}")
        fetched = api.recordings(made.sid).fetch()
        check((fetched.status, fetched.call_sid) == ("completed", call.sid), f"{fetched.status}")
        check(api.calls(call.sid).recordings(made.sid).fetch().sid == made.sid, "not by its call")
        check([r.sid for r in api.calls(call.sid).recordings.list()] == [made.sid], "not listed by its call")
        check([r.sid for r in api.recordings.list(call_sid=call.sid)] == [made.sid], "not listed")
        check(api.recordings.list(call_sid="CA" + "0" * 32) == [], "listed for another call")
        audio(cloud, told["RecordingUrl"], made.sid)
        check(api.calls(call.sid).recordings(made.sid).delete(), "it is not deleted")
        refused("what was deleted", 404, 20404, lambda: api.recordings(made.sid).fetch())
        refused("deleted twice", 404, 20404, lambda: api.recordings(made.sid).delete())
        api.calls(call.sid).update(status="completed")
        refused(
            "recording of a call that is over", 400, 21220, lambda: api.calls(call.sid).recordings.create()
        )
        judged(cloud, "webhook recording", "rest POST 201", "rest DELETE 204")


def audio(cloud, url, sid):
    import base64
    import io
    import wave

    auth = {"Authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()}
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}"
    check(url == cloud.origin + path, f"RecordingUrl is {url}")
    for tail, channels in (
        ("", 1),
        (".wav", 1),
        (".wav?RequestedChannels=2", 2),
        ("?RequestedChannels=1", 1),
    ):
        headers, data = download(cloud, path + tail, **auth)
        check(headers["Content-Type"] == "audio/x-wav", headers["Content-Type"])
        with wave.open(io.BytesIO(data)) as wav:
            found = (wav.getnchannels(), wav.getframerate(), wav.getsampwidth())
            check(found == (channels, 8000, 2), f"{tail}: {found}")
            check(wav.getnframes() >= 8000, f"{tail}: {wav.getnframes()} samples")
    for tail, status in ((".wav?RequestedChannels=3", 400), (".ogg", 404)):
        try:
            download(cloud, path + tail, **auth)
            raise AssertionError(f"{tail} was answered")
        except urllib.error.HTTPError as error:
            check(error.code == status, f"{tail}: {error.code}")
    try:
        download(cloud, path + ".wav")
        raise AssertionError("audio without credentials")
    except urllib.error.HTTPError as error:
        check(error.code == 401, f"without credentials: {error.code}")


# --- TwiML --------------------------------------------------------------------------------------


@case("Say, Play, Pause, Redirect and Hangup are done in their order, and a Play is fetched and heard")
def says_and_plays():
    import io
    import wave

    sound = io.BytesIO()
    with wave.open(sound, "wb") as wav:
        wav.setnchannels(1), wav.setsampwidth(2), wav.setframerate(8000)
        wav.writeframes(b"\x00\x40" * 4000 + b"\x00\xc0" * 4000)
    with world() as (cloud, app, _):
        document = VoiceResponse()
        document.say("Grüße & <hello>", language="en-US")
        document.play(app.origin + "/sound.wav", loop=1)
        document.pause(length=1)
        document.play(digits="1w2#")
        document.redirect("/second?from=first", method="GET")
        app.says("/voice/incoming", document)
        app.says("/second", hang_up_after(1))
        app.answers["/sound.wav"] = [(200, "audio/x-wav", sound.getvalue())]
        phone = Phone(cloud)
        check(app.wait("/second").method == "GET", "the redirect's method was not used")
        check(app.wait("/sound.wav").method == "GET", "the sound was not fetched by GET")
        app.wait("/voice/status")
        phone.wait("ended")
        verbs = [x["detail"].split(" ")[0] for x in phone.lines if x["kind"] == "verb"]
        expected = ["Say", "Play", "Pause", "Play", "Redirect", "Pause", "Hangup"]
        check(verbs == expected, f"done were {verbs}")
        check(phone.heard >= 50, f"{phone.heard} frames were heard")
        phone.stop()
        judged(cloud, "verb Say", "verb Play", "verb Redirect", "verb Hangup", "webhook status")


def dialed(number, attributes, noun):
    document = VoiceResponse()
    dial = Dial(action="/dialed?attempt=1", caller_id=TO, **attributes)
    dial.number(number, **noun)
    document.append(dial)
    return document


@case("Dial reports how the called party did, to its action and to the number's callback")
def dials():
    with world() as (cloud, app, _):
        events = {
            "status_callback": app.origin + "/leg?who=%2B49",
            "status_callback_event": "initiated ringing answered completed",
        }
        app.says("/voice/incoming", dialed("+4930555101", {"timeout": 20}, events))
        app.says("/dialed", VoiceResponse())
        phone = Phone(cloud)
        asked = app.wait("/dialed").params
        check((asked["DialCallStatus"], asked["DialBridged"]) == ("completed", "true"), f"{asked}")
        check(int(asked["DialCallDuration"]) > 0, f"{asked}")
        statuses = [
            app.wait("/leg", CallStatus=s).params
            for s in ("initiated", "ringing", "in-progress", "completed")
        ]
        check({p["CallSid"] for p in statuses} == {asked["DialCallSid"]}, "the leg has several SIDs")
        check({p["ParentCallSid"] for p in statuses} == {phone.sid}, "the leg has another parent")
        leg = client(cloud).calls(asked["DialCallSid"]).fetch()
        check((leg.parent_call_sid, leg.direction) == (phone.sid, "outbound-dial"), f"{leg.direction}")
        check(
            [c.sid for c in client(cloud).calls.list(parent_call_sid=phone.sid)] == [leg.sid],
            "not by its parent",
        )
        phone.wait("ended")
        phone.stop()
        judged(cloud, "webhook dial", "verb Dial", "verb Number")


@case("Dial's time limit and its methods are kept")
def dial_limits():
    with world() as (cloud, app, _):
        callback = {"status_callback": app.origin + "/leg", "status_callback_method": "GET"}
        limits = {"time_limit": 1, "method": "GET"}
        app.says("/voice/incoming", dialed("+4930555101", limits, callback))
        app.says("/dialed", VoiceResponse())
        phone = Phone(cloud)
        asked = app.wait("/dialed")
        check(
            asked.method == "GET" and int(asked.params["DialCallDuration"]) <= 3,
            f"{asked.method} {asked.params}",
        )
        check(app.wait("/leg").method == "GET", "the number's method was not used")
        phone.wait("ended")
        phone.stop()
        judged(cloud)


@case("Record takes a message and tells its action and its callback")
def records():
    with world() as (cloud, app, _):
        document = VoiceResponse()
        document.record(
            action="/voicemail",
            timeout=1,
            max_length=30,
            finish_on_key="#",
            recording_status_callback=app.origin + "/recorded",
            recording_status_callback_event="in-progress completed absent",
            recording_status_callback_method="GET",
        )
        document.say("Nothing was said.")
        app.says("/voice/incoming", document)
        app.says("/voicemail", "<Response><Hangup/></Response>")
        phone = Phone(cloud)
        phone.wait("verb", "Record")
        time.sleep(1)  # the beep
        phone.speak(tone(1000))
        asked = app.wait("/voicemail").params
        check(2 <= int(asked["RecordingDuration"]) <= 5 and "Digits" not in asked, f"{asked}")
        done = app.wait("/recorded", RecordingStatus="completed")
        check(done.params["RecordingSource"] == "RecordVerb" and done.method == "GET", f"{done}")
        app.wait("/recorded", RecordingStatus="in-progress")
        made = client(cloud).recordings(asked["RecordingSid"]).fetch()
        check((made.source, made.channels) == ("RecordVerb", 1), f"{made.source} {made.channels}")
        phone.wait("ended")
        phone.stop()
        judged(cloud, "webhook record", "webhook recording", "verb Record")


@case("a message ends by key, and by hanging up, and says which")
def record_ends():
    document = VoiceResponse()
    document.record(action="/voicemail", finish_on_key="*", play_beep=False)
    for end, digits in ((lambda p: p.dial("*"), "*"), (lambda p: p.hang_up(), "hangup")):
        with world() as (cloud, app, _):
            app.says("/voice/incoming", document)
            app.says("/voicemail", "<Response/>")
            phone = Phone(cloud)
            phone.wait("verb", "Record")
            phone.speak(tone(600))
            time.sleep(0.8)
            end(phone)
            asked = app.wait("/voicemail").params
            check(asked.get("Digits") == digits, f"{asked.get('Digits')!r}, not {digits!r}")
            phone.wait("ended")
            phone.stop()
            judged(cloud, "webhook record")


@case("Gather takes digits, ends by key or number, and goes on without any")
def gathers():
    with world() as (cloud, app, _):
        first = VoiceResponse()
        gather = Gather(input="dtmf", action="/two", num_digits=2, timeout=5)
        gather.say("Two digits please.")
        first.append(gather)
        second = VoiceResponse()
        second.append(Gather(input="dtmf", action="/until", finish_on_key="#", method="GET"))
        third = VoiceResponse()
        third.append(Gather(input="dtmf", action="/nothing", timeout=1))
        third.redirect("/went-on")
        app.says("/voice/incoming", first)
        app.says("/two", second)
        app.says("/until", third)
        app.says("/went-on", VoiceResponse())
        phone = Phone(cloud)
        phone.wait("verb", "Gather")
        phone.dial("42")
        check(app.wait("/two").params["Digits"] == "42", f"{app.wait('/two').params}")
        phone.dial("789#")
        until_key = app.wait("/until")
        check((until_key.method, until_key.params["Digits"]) == ("GET", "789"), f"{until_key.params}")
        app.wait("/went-on")
        check("/nothing" not in app.paths(), "an action without digits")
        phone.wait("ended")
        phone.stop()
        judged(cloud, "webhook gather", "verb Gather")


@case("Reject ends a call that was never answered")
def rejects():
    for reason, status in (("busy", "busy"), ("rejected", "no-answer")):
        with world() as (cloud, app, _):
            document = VoiceResponse()
            document.reject(reason=reason)
            app.says("/voice/incoming", document)
            phone = Phone(cloud)
            told = app.wait("/voice/status").params
            check((told["CallStatus"], told["CallDuration"]) == (status, "0"), f"{told}")
            phone.wait("ended")
            check(not any(x["kind"] == "answered" for x in phone.lines), "it was answered")
            phone.stop()
            judged(cloud, "verb Reject")


# --- Media Streams ------------------------------------------------------------------------------


def streamed(stream, app):
    document = VoiceResponse()
    start = Start()
    start.recording(
        channels="dual",
        recording_status_callback=app.origin + "/recorded",
        recording_status_callback_event="in-progress completed absent",
    )
    document.append(start)
    connect = Connect(action="/after?x=1", method="GET")
    socket = connect.stream(
        url=stream.url, name="talk", status_callback=app.origin + "/stream", status_callback_method="GET"
    )
    socket.parameter(name="token", value="a.b&c\"d'<e>")
    socket.parameter(name="umlaut", value="öß")
    document.append(connect)
    return document


def strict(stream):
    """The stream's messages, by their documented form."""
    judged_stream, found = twilio_media.Stream(), []
    for direction, kind, data in stream.log:
        found += judged_stream.take(direction, kind, data)
    judge.no_findings(found)
    check(all(ok for _, ok in stream.upgrades), "the official library refuses the upgrade's signature")
    return judged_stream


@case("Connect Stream carries audio both ways, returns marks when heard, clears, tells digits and stops")
def streams():
    seen = {}

    def talk(stream):
        check(stream.read()["event"] == "connected", "connected is not the first message")
        start = stream.read()
        seen["start"] = start["start"]
        sid = start["streamSid"]
        stream.read("media")
        stream.send_audio(sid, tone(500))
        stream.send_mark(sid, "first")
        stream.send_mark(sid, "second ö")
        begun = time.monotonic()
        check(stream.read("mark")["mark"]["name"] == "first", "another mark")
        seen["heard_after"] = time.monotonic() - begun
        check(stream.read("mark")["mark"]["name"] == "second ö", "another mark")
        stream.send_audio(sid, tone(8000))
        stream.send_mark(sid, "third")
        stream.send({"event": "clear", "streamSid": sid})
        begun = time.monotonic()
        check(stream.read("mark")["mark"]["name"] == "third", "another mark")
        seen["cleared_after"] = time.monotonic() - begun
        seen["digit"] = [stream.read("dtmf")["dtmf"]["digit"] for _ in range(2)]
        seen["stop"] = stream.read("stop")["stop"]

    with world(talk) as (cloud, app, stream):
        app.says("/voice/incoming", streamed(stream, app))
        phone = Phone(cloud)
        until(lambda: "cleared_after" in seen or stream.failed, bool, "the marks do not come back")
        phone.dial("1#")
        until(lambda: seen.get("digit") or stream.failed, bool, "no digits")
        phone.hang_up()
        stream.finished()
        check(
            seen["start"]["customParameters"] == {"token": "a.b&c\"d'<e>", "umlaut": "öß"}, f"{seen['start']}"
        )
        check(
            (seen["start"]["callSid"], seen["start"]["accountSid"]) == (phone.sid, ACCOUNT),
            f"{seen['start']}",
        )
        check(0.4 < seen["heard_after"] < 5, f"the first mark came after {seen['heard_after']:.2f} s")
        check(seen["cleared_after"] < 4, f"clear took {seen['cleared_after']:.2f} s")
        check(seen["digit"] == ["1", "#"], f"{seen['digit']}")
        for event in ("stream-started", "stream-stopped"):
            told = app.wait("/stream", StreamEvent=event)
            check((told.method, told.params["StreamName"]) == ("GET", "talk"), f"{told}")
        app.wait("/recorded", RecordingStatus="completed")
        strict(stream)
        phone.stop()
        judged(
            cloud, "webhook stream", "verb Stream", "verb Parameter", "stream from stop", "stream to clear"
        )


@case("a stream that the application closes is followed by Connect's action, by its method")
def stream_closed():
    def talk(stream):
        stream.read("media")
        stream.socket.close(1000)

    with world(talk) as (cloud, app, stream):
        app.says("/voice/incoming", streamed(stream, app))
        app.says("/after", "<Response><Hangup/></Response>")
        phone = Phone(cloud)
        asked = app.wait("/after")
        check(
            (asked.method, asked.params["CallStatus"]) == ("GET", "in-progress"),
            f"{asked.method} {asked.params}",
        )
        app.wait("/stream", StreamEvent="stream-stopped")
        phone.wait("ended")
        strict(stream)
        phone.stop()
        judged(cloud, "stream from media")


@case("an update by the client tears the stream down and the call goes on with the new document")
def stream_replaced():
    def talk(stream):
        stream.read("stop")

    with world(talk) as (cloud, app, stream):
        app.says("/voice/incoming", streamed(stream, app))
        app.says("/elsewhere", "<Response><Hangup/></Response>")
        phone = Phone(cloud)
        app.wait("/stream", StreamEvent="stream-started")
        document = VoiceResponse()
        document.redirect(app.origin + "/elsewhere")
        client(cloud).calls(phone.sid).update(twiml=document)
        stream.finished()
        app.wait("/elsewhere")
        phone.wait("ended")
        check("/after" not in app.paths(), "Connect's action was asked after an update")
        app.wait("/stream", StreamEvent="stream-stopped")
        strict(stream)
        phone.stop()
        judged(cloud)


@case("a stream that cannot be opened is told as an error, and the action is asked")
def stream_refused():
    with world(lambda stream: None) as (cloud, app, stream):
        stream.stop()
        app.says("/voice/incoming", streamed(stream, app))
        app.says("/after", "<Response><Hangup/></Response>")
        phone = Phone(cloud)
        app.wait("/stream", StreamEvent="stream-error")
        app.wait("/after")
        phone.wait("ended")
        phone.stop()
        judged(cloud, "webhook stream")


# --- Node ---------------------------------------------------------------------------------------


@case("the Node client does the same: calls, lists, recordings, messages, errors")
def node_client():
    with world() as (cloud, app, _):
        app.says("/none", hang_up_after(1))
        judge.node("twilio_clients.mjs", cloud.origin, app.origin, ACCOUNT, TOKEN)
        judged(cloud, "rest POST 201", "rest GET 200", "rest DELETE 204", "rest GET 404")
