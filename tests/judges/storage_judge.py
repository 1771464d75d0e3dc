"""Cloud Storage: Google's Python and Node clients, and the documented answers one by one, at local-cloud."""
import base64
import hashlib
import http.client
import io
import json
import random
import urllib.parse

import google_crc32c
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

import judge
from judge import case, check
from storage_proxy import WHOLE, proxy

UNIT = 256 * 1024
UPLOAD = "/upload/storage/v1/b/bucket/o?uploadType="
QUICK = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.05)
DATA = random.Random(7).randbytes(3 * UNIT + 1000)
NAMES = [
    "plain",
    "a/b/c.wav",
    "with space",
    "percent%2Fsign%",
    "plus+and&amp=1",
    "question?mark#hash",
    "Ünï/日本語 ✓",
    "dot/../dots/./x",
    "quote\"'<>\\",
    "semi;colon,comma",
    "trailing/",
]


def crc_text(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def md5_text(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Raw:
    """The JSON API without a client: what is sent is what stands here."""

    def __init__(self, cloud):
        self.host = cloud.host
        self.ask("POST", "/storage/v1/b?project=p", json.dumps({"name": "bucket"}))

    def ask(self, method, target, body=b"", headers=None, want=None):
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            answer.data = answer.read()
        finally:
            connection.close()
        if want is not None:
            check(answer.status == want, f"{method} {target} {headers}: {answer.status} {answer.data[:300]}")
        return answer

    def put_object(self, name, data, query="", headers=None, want=200):
        target = f"{UPLOAD}media&name={urllib.parse.quote(name, safe='')}{query}"
        answer = self.ask("POST", target, data, headers, want)
        return json.loads(answer.data)

    def session(self, query="&name=o", body=b"", headers=None):
        answer = self.ask("POST", f"{UPLOAD}resumable{query}", body, headers, 200)
        url = urllib.parse.urlsplit(answer.headers["Location"])
        return f"{url.path}?{url.query}"

    def chunk(self, session, content_range, data=b"", want=None, headers=None):
        return self.ask("PUT", session, data, {"Content-Range": content_range, **(headers or {})}, want)


def path(name, query=""):
    return f"/storage/v1/b/bucket/o/{urllib.parse.quote(name, safe='')}{query}"


def client(origin):
    """Google's Python client; the origin's variable is the process's, so it is given as an option."""
    return storage.Client(
        project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": origin}
    )


def refuses(kind, function):
    try:
        function()
    except kind:
        return
    raise AssertionError(f"expected {kind.__name__}")


# --- Google's Python client ---------------------------------------------------------------------


@case("the Python client uploads in all three ways and reads back what it sent, checksums verified")
def python_uploads():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        for checksum in ("md5", "crc32c", None):
            for size in (0, 1, UNIT - 1, UNIT, UNIT + 1, len(DATA)):
                for ways in ("multipart", "resumable"):
                    blob = bucket.blob(f"{ways}-{size}-{checksum}", chunk_size=UNIT)
                    blob.metadata = {"callSid": "CA1", "empty": "", "ü": "ß"}
                    known = size if ways == "multipart" else None
                    blob.upload_from_file(
                        io.BytesIO(DATA[:size]), size=known, content_type="audio/wav", checksum=checksum
                    )
                    there = bucket.get_blob(blob.name)
                    check(there.size == size, f"{blob.name}: {there.size} bytes")
                    check(there.content_type == "audio/wav", f"{blob.name}: {there.content_type}")
                    check(there.metadata == blob.metadata, f"{blob.name}: {there.metadata}")
                    check(there.crc32c == crc_text(DATA[:size]), f"{blob.name}: crc32c")
                    check(there.md5_hash == md5_text(DATA[:size]), f"{blob.name}: md5 {there.md5_hash}")
                    got = there.download_as_bytes(checksum=checksum or "auto")
                    check(got == DATA[:size], f"{blob.name}: other bytes")


@case("the Python client reads ranges: first, middle, last, across pieces, past the end")
def python_ranges():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        blob = bucket.blob("o")
        blob.upload_from_string(DATA)
        last = len(DATA) - 1
        ranges = ((0, 0), (0, 9), (UNIT - 1, UNIT), (5, last), (last, last), (last, last + 9), (UNIT, None))
        for start, end in ranges:
            got = blob.download_as_bytes(start=start, end=end)
            want = DATA[start : None if end is None else end + 1]
            check(got == want, f"{start}-{end}: {len(got)} bytes for {len(want)}")
        refuses(exceptions.RequestRangeNotSatisfiable, lambda: blob.download_as_bytes(start=len(DATA)))
        with blob.open("rb", chunk_size=UNIT) as reader:
            reader.seek(UNIT - 3)
            check(reader.read(7) == DATA[UNIT - 3 : UNIT + 4], "reading after a seek")


@case("the Python client's preconditions hold on upload, read, change, copy and delete")
def python_preconditions():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        blob = bucket.blob("o", chunk_size=UNIT)
        failed = exceptions.PreconditionFailed
        blob.upload_from_string(b"one", if_generation_match=0)
        one = blob.generation
        refuses(failed, lambda: bucket.blob("o").upload_from_string(b"x", if_generation_match=0))
        big = io.BytesIO(DATA)
        chunked = bucket.blob("o", chunk_size=UNIT)
        refuses(failed, lambda: chunked.upload_from_file(big, if_generation_match=0))
        bucket.blob("o").upload_from_string(b"two", if_generation_match=one)
        refuses(failed, lambda: bucket.blob("o").upload_from_string(b"x", if_generation_match=one))
        two = bucket.get_blob("o")
        check(two.generation > one, "a new generation is larger")
        check(bucket.get_blob("o", if_generation_match=two.generation).generation == two.generation, "get")
        fresh = bucket.blob("o")
        refuses(failed, lambda: fresh.download_as_bytes(if_generation_match=one))
        refuses(failed, lambda: fresh.download_as_bytes(if_metageneration_match=9))
        refuses(exceptions.NotModified, lambda: fresh.reload(if_generation_not_match=two.generation))
        refuses(exceptions.NotModified, lambda: fresh.reload(if_metageneration_not_match=two.metageneration))
        fresh.metadata = {"a": "1"}
        refuses(failed, lambda: fresh.patch(if_metageneration_match=9))
        fresh.patch(if_metageneration_match=two.metageneration)
        check(fresh.metageneration == two.metageneration + 1, "metageneration counts changes")
        refuses(failed, lambda: bucket.copy_blob(fresh, bucket, "copy", if_source_generation_match=one))
        copied = bucket.copy_blob(fresh, bucket, "copy", if_generation_match=0)
        check(copied.name == "copy" and copied.size == 3, f"copy: {copied.name} {copied.size}")
        refuses(failed, lambda: bucket.copy_blob(fresh, bucket, "copy", if_generation_match=0))
        refuses(failed, lambda: bucket.blob("o").delete(if_generation_match=one))
        refuses(failed, lambda: bucket.blob("o").delete(if_metageneration_match=77))
        bucket.blob("o").delete(if_generation_match=two.generation)
        check(not bucket.blob("o").exists(), "it is gone")
        refuses(exceptions.NotFound, lambda: bucket.blob("o").delete())


@case("the Python client's handle of a replaced object neither reads nor deletes its successor")
def python_generations():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        old = bucket.blob("o")
        old.upload_from_string(b"one")
        bucket.blob("o").upload_from_string(b"two")
        handle = bucket.blob("o", generation=old.generation)
        refuses(exceptions.NotFound, handle.download_as_bytes)
        refuses(exceptions.NotFound, handle.reload)
        refuses(exceptions.NotFound, handle.delete)
        handle.metadata = {"a": "1"}
        refuses(exceptions.NotFound, handle.patch)
        of_old = {"source_generation": old.generation}
        refuses(exceptions.NotFound, lambda: bucket.copy_blob(handle, bucket, "c", **of_old))
        check(bucket.blob("o").download_as_bytes() == b"two", "the successor stands")


@case("the Python client copies, rewrites and renames, with metadata kept or given anew")
def python_copies():
    with judge.local_cloud() as cloud:
        service = client(cloud.origin)
        bucket, other = service.create_bucket("bucket"), service.create_bucket("other")
        blob = bucket.blob("dir/ü o")
        blob.metadata = {"k": "v"}
        blob.upload_from_string(DATA, content_type="audio/wav")
        copied = bucket.copy_blob(blob, other, "copy")
        check((copied.metadata, copied.content_type) == ({"k": "v"}, "audio/wav"), "what describes the copy")
        check(copied.download_as_bytes() == DATA, "copy's bytes")
        anew = other.blob("anew")
        anew.content_type = "text/plain"
        anew.metadata = {"n": "1"}
        rewritten = anew.rewrite(blob)
        check(rewritten == (None, len(DATA), len(DATA)), f"rewrite: {rewritten}")
        anew.reload()
        check(anew.content_type == "text/plain" and anew.metadata == {"n": "1"}, f"rewrite: {anew.metadata}")
        renamed = bucket.rename_blob(blob, "new name")
        check(renamed.download_as_bytes() == DATA and not blob.exists(), "rename")
        refuses(exceptions.NotFound, lambda: bucket.copy_blob(bucket.blob("none"), other))


@case("the Python client lists by prefix, delimiter, pages and offsets, and counts buckets")
def python_lists():
    with judge.local_cloud() as cloud:
        service = client(cloud.origin)
        bucket = service.create_bucket("bucket")
        names = ["a", "a/1", "a/2", "a/b/3", "b/1", "c d", "c%d", "z", "ü/1"]  # by their bytes
        for name in names:
            bucket.blob(name).upload_from_string(b"x")

        def listed(**options):
            pages = bucket.list_blobs(**options)
            return [b.name for b in pages], sorted(pages.prefixes)

        check(listed() == (names, []), f"all: {listed()}")
        check(listed(page_size=2) == (names, []), "in pages")
        top = (["a", "c d", "c%d", "z"], ["a/", "b/", "ü/"])
        check(listed(delimiter="/") == top, f"folders: {listed(delimiter='/')}")
        check(listed(page_size=1, delimiter="/") == top, "folders in pages")
        check(listed(prefix="a/", delimiter="/") == (["a/1", "a/2"], ["a/b/"]), "one folder")
        check(listed(prefix="ü") == (["ü/1"], []), "non-ASCII prefix")
        check(listed(prefix="none") == ([], []), "nothing")
        check(listed(max_results=3)[0] == names[:3], "at most three")
        check(listed(start_offset="b", end_offset="c%d")[0] == ["b/1", "c d"], "offsets")
        check("bucket" in [b.name for b in service.list_buckets()], "buckets")
        refuses(exceptions.NotFound, lambda: list(service.bucket("none").list_blobs()))
        refuses(exceptions.Conflict, lambda: service.create_bucket("bucket"))
        refuses(exceptions.Conflict, bucket.delete)


@case("the Python client changes metadata: set, one key away, all away, content type")
def python_metadata():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        blob = bucket.blob("o")
        blob.upload_from_string(b"x", content_type="text/plain")
        blob.metadata = {"a": "1", "b": "2"}
        blob.patch()
        check(bucket.get_blob("o").metadata == {"a": "1", "b": "2"}, "set")
        blob.metadata = {"a": None, "c": "3"}
        blob.patch()
        merged = bucket.get_blob("o").metadata
        check(merged == {"b": "2", "c": "3"}, f"merged: {merged}")
        blob.content_type = "audio/wav"
        blob.patch()
        blob.cache_control = "no-store"
        blob.content_disposition = "attachment"
        blob.content_language = "de"
        blob.patch()
        there = bucket.get_blob("o")
        check(there.content_type == "audio/wav", "content type")
        check((there.cache_control, there.content_disposition, there.content_language)
              == ("no-store", "attachment", "de"), f"headers of the object: {there.cache_control}")
        blob.metadata = None
        blob.patch()
        check(not bucket.get_blob("o").metadata, f"cleared: {bucket.get_blob('o').metadata}")


@case("object names with blanks, percent, plus, slashes, quotes and non-ASCII stay themselves")
def python_names():
    with judge.local_cloud() as cloud:
        bucket = client(cloud.origin).create_bucket("bucket")
        for name in NAMES:
            bucket.blob(name).upload_from_string(name.encode())
        for name in NAMES:
            check(bucket.blob(name).download_as_bytes() == name.encode(), f"{name}: bytes")
        listed = [b.name for b in bucket.list_blobs()]
        check(listed == sorted(NAMES, key=lambda n: n.encode()), f"{listed}")
        for name in NAMES:
            bucket.copy_blob(bucket.blob(name), bucket, "copy of " + name)
            check(bucket.blob("copy of " + name).download_as_bytes() == name.encode(), f"{name}: copy")
            bucket.blob(name).delete()
        check(len(list(bucket.list_blobs())) == len(NAMES), "copies remain")


@case("the Python client's resumable upload survives a cut at any byte and any lost answer")
def python_cuts():
    places = (0, 1, 4095, UNIT // 2, UNIT - 1, UNIT, WHOLE)
    tail = len(DATA) - 3 * UNIT
    cuts = [(put, at) for put in range(3) for at in places]
    cuts += [(3, at) for at in (0, 1, tail - 1, tail, WHOLE)]
    with judge.local_cloud() as cloud, proxy(cloud.port) as wire:
        bucket = client(wire.origin).create_bucket("bucket")
        for number, (put, at) in enumerate(cuts):
            blob = bucket.blob(f"cut {put} {at}", chunk_size=UNIT)
            wire.cut(blob.name, put, at)
            blob.upload_from_file(io.BytesIO(DATA), if_generation_match=0, retry=QUICK)
            check(wire.cuts == number + 1, f"{blob.name}: was not cut")
            check(blob.download_as_bytes() == DATA, f"{blob.name}: other bytes")
        check(len(list(bucket.list_blobs())) == len(cuts), "one object each")


# --- Google's Node client -----------------------------------------------------------------------


@case("the Node client passes its program: uploads, ranges, preconditions, copies, lists, cuts")
def node_client():
    with judge.local_cloud() as cloud, proxy(cloud.port) as wire:
        count = judge.node("storage.mjs", cloud.origin, wire.origin, seconds=120)
        check(count >= 20, f"only {count} checks ran")


@case("the Node client works by STORAGE_EMULATOR_HOST, whose paths lack /storage/v1")
def node_emulator():
    with judge.local_cloud() as cloud, proxy(cloud.port) as wire:
        judge.node("storage.mjs", "", wire.origin, seconds=120, STORAGE_EMULATOR_HOST=cloud.origin)


# --- the documented answers, one by one ---------------------------------------------------------


@case("a resumable session answers 308, 200, 400 and 499 as documented")
def session_answers():
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        s = raw.session()
        check("Range" not in raw.chunk(s, "bytes */*", want=308).headers, "308 before data has no Range")
        check("Range" not in raw.chunk(s, f"bytes */{2 * UNIT}", want=308).headers, "nor with a total")
        answer = raw.chunk(s, f"bytes 0-{UNIT - 1}/*", DATA[:UNIT], 308)
        check(answer.headers["Range"] == f"bytes=0-{UNIT - 1}", f"Range: {answer.headers['Range']}")
        answer = raw.chunk(s, f"bytes 0-{UNIT - 1}/*", DATA[:UNIT], 308)
        check(answer.headers["Range"] == f"bytes=0-{UNIT - 1}", "a repeated chunk is not stored twice")
        raw.chunk(s, f"bytes {UNIT + 1}-{2 * UNIT}/*", DATA[:UNIT], 400)
        raw.chunk(s, f"bytes {UNIT}-{UNIT + 99}/*", DATA[:100], 400)
        raw.chunk(s, f"bytes {UNIT}-{2 * UNIT - 1}/{3 * UNIT}", DATA[:UNIT], 400)  # not the declared total
        raw.chunk(s, "bytes 0-10/5", DATA[:11], 400)
        raw.chunk(s, "bytes 5-3/*", b"", 400)
        raw.chunk(s, "lines 0-1/*", b"ab", 400)
        raw.chunk(s, f"bytes {UNIT}-{2 * UNIT - 1}/*", DATA[:100], 400)  # fewer bytes than the range says
        answer = raw.chunk(s, "bytes */*", want=308)
        check(answer.headers["Range"] == f"bytes=0-{UNIT - 1}", "refusals store nothing")
        answer = raw.chunk(s, "bytes */*", headers={"X-GUploader-No-308": "yes"}, want=200)
        check(answer.headers["X-HTTP-Status-Code-Override"] == "308", "the override of 308")
        answer = raw.chunk(s, f"bytes {UNIT}-{2 * UNIT - 1}/{2 * UNIT}", DATA[UNIT : 2 * UNIT], 200)
        check(json.loads(answer.data)["md5Hash"] == md5_text(DATA[: 2 * UNIT]), "md5 of all chunks")
        again = raw.chunk(s, "bytes */*", want=200)
        first, second = json.loads(answer.data), json.loads(again.data)
        check(first["generation"] == second["generation"], "the same object")
        check(raw.ask("GET", path("o", "?alt=media"), want=200).data == DATA[: 2 * UNIT], "its bytes")


@case("a cancelled session answers 499 and is dead, leaving nothing")
def session_cancelled():
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        s = raw.session()
        raw.chunk(s, f"bytes 0-{UNIT - 1}/*", DATA[:UNIT], 308)
        raw.ask("DELETE", s, want=499)
        answers = (raw.chunk(s, "bytes */*"), raw.chunk(s, "bytes 0-9/10", DATA[:10]), raw.ask("DELETE", s))
        for answer in answers:
            check(answer.status in (404, 410, 499), f"a dead session answers {answer.status}")
        raw.ask("GET", path("o"), want=404)
        raw.chunk(s.rpartition("=")[0] + "=nonsense", "bytes */*", want=404)


@case("hashes that do not match are refused with 400 in every kind of upload, and nothing appears")
def hashes():
    data = b"some bytes"
    other = b"other bytes"
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        for header in (f"crc32c={crc_text(other)}", f"md5={md5_text(other)}",
                       f"crc32c={crc_text(data)},md5={md5_text(other)}"):
            raw.put_object("o", data, headers={"X-Goog-Hash": header}, want=400)
            s = raw.session()
            raw.chunk(s, f"bytes 0-{len(data) - 1}/{len(data)}", data, 400, {"X-Goog-Hash": header})
        for field, value in (("crc32c", crc_text(other)), ("md5Hash", md5_text(other))):
            meta = json.dumps({"name": "o", field: value}).encode()
            body = b"--x\r\nContent-Type: application/json\r\n\r\n" + meta + \
                b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--x--\r\n"
            raw.ask("POST", UPLOAD + "multipart", body,
                    {"Content-Type": "multipart/related; boundary=x"}, 400)
            s = raw.session("", meta)
            raw.chunk(s, f"bytes 0-{len(data) - 1}/{len(data)}", data, 400)
        raw.ask("GET", path("o"), want=404)
        right = f"crc32c={crc_text(data)},md5={md5_text(data)}"
        good = raw.put_object("o", data, headers={"X-Goog-Hash": right})
        check(good["md5Hash"] == md5_text(data), "md5Hash of the resource")


@case("a read tells hashes, generation and length, and Range and its refusal as RFC 9110 says")
def reads():
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        made = raw.put_object("o", b"hello", headers={"Content-Type": "text/x"})
        answer = raw.ask("GET", path("o", "?alt=media"), want=200)
        want = f"crc32c={crc_text(b'hello')},md5={md5_text(b'hello')}"
        check(answer.headers["x-goog-hash"] == want, "x-goog-hash")
        check(answer.headers["x-goog-generation"] == made["generation"], "x-goog-generation")
        check(answer.headers["x-goog-stored-content-length"] == "5", "stored length")
        check(answer.headers["Content-Type"] == "text/x", "type")
        rows = [("bytes=0-1", 206, b"he"), ("bytes=3-", 206, b"lo"), ("bytes=-2", 206, b"lo"),
                ("bytes=-99", 206, b"hello"), ("bytes=1-99", 206, b"ello"), ("bytes=5-", 416, None),
                ("bytes=99-100", 416, None), ("bytes=-0", 416, None), ("bytes=x", 200, b"hello")]
        for text, status, body in rows:
            answer = raw.ask("GET", path("o", "?alt=media"), headers={"Range": text}, want=status)
            check(body is None or answer.data == body, f"{text}: {answer.data}")
        answer = raw.ask("GET", path("o", "?alt=media"), headers={"Range": "bytes=5-"}, want=416)
        check(answer.headers["Content-Range"] == "bytes */5", "416 says the size")
        raw.ask("PATCH", path("o"), json.dumps({"cacheControl": "no-store", "contentLanguage": "de"}), want=200)
        answer = raw.ask("GET", path("o", "?alt=media"), want=200)
        told = answer.headers["Cache-Control"], answer.headers["Content-Language"]
        check(told == ("no-store", "de"), f"what the object says to its readers: {told}")
        raw.put_object("empty", b"")
        check(raw.ask("GET", path("empty", "?alt=media"), want=200).data == b"", "an empty object")
        raw.ask("GET", path("empty", "?alt=media"), headers={"Range": "bytes=0-"}, want=416)


@case("preconditions of resumable uploads are judged at the start and again at the end")
def session_preconditions():
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        first = raw.session("&name=o&ifGenerationMatch=0")
        second = raw.session("&name=o&ifGenerationMatch=0")
        raw.chunk(first, "bytes 0-2/3", b"one", 200)
        raw.chunk(second, "bytes 0-2/3", b"two", 412)
        raw.ask("POST", UPLOAD + "resumable&name=o&ifGenerationMatch=0", want=412)
        check(raw.ask("GET", path("o", "?alt=media")).data == b"one", "the first one stands")
        check(raw.chunk(second, "bytes */*").status in (404, 410, 412), "the refused session is dead")
        generation = json.loads(raw.ask("GET", path("o")).data)["generation"]
        raw.put_object("o", b"x", f"&ifGenerationNotMatch={generation}", want=412)
        raw.put_object("o", b"x", "&ifMetagenerationMatch=7", want=412)
        raw.put_object("o", b"x", "&ifMetagenerationNotMatch=1", want=412)
        raw.put_object("new", b"x", "&ifGenerationMatch=5", want=412)
        raw.put_object("o", b"x", "&ifGenerationMatch=five", want=400)


@case("malformed uploads are refused with 400 and a body in Google's form")
def malformed():
    boundary = {"Content-Type": "multipart/related; boundary=b"}
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        rows = [
            (UPLOAD + "media", b"x", {}),
            (UPLOAD + "nonsense&name=o", b"x", {}),
            (UPLOAD + "media&name=" + "n" * 1025, b"x", {}),
            (UPLOAD + "media&name=a%0Ab", b"x", {}),
            (UPLOAD + "media&name=..", b"x", {}),
            (UPLOAD + "resumable&name=o", b"not json", {}),
            (UPLOAD + "multipart", b"x", {"Content-Type": "multipart/related"}),
            (UPLOAD + "multipart", b"--b\r\n\r\n{}\r\n--b--", boundary),
            (UPLOAD + "multipart", b"--b\r\n\r\nno json\r\n--b\r\n\r\nx\r\n--b--", boundary),
        ]
        for target, body, headers in rows:
            error = json.loads(raw.ask("POST", target, body, headers, 400).data)["error"]
            check(error["code"] == 400 and error["message"], f"{target}: {error}")
            check(error["errors"][0]["reason"], f"{target}: {error}")
        nowhere = UPLOAD.replace("bucket", "none") + "media&name=o"
        for target in (nowhere, "/storage/v1/b/none/o/o/rewriteTo/b/bucket/o/x"):
            raw.ask("POST", target, b"{}", want=404)


@case("a multipart body may hold its own boundary inside a line, and line ends at its edges")
def multipart_edges():
    with judge.local_cloud() as cloud:
        raw = Raw(cloud)
        for data in (b"x--frontier", b"a\r\n--frontie\r\n", b"\r\n", b"\n", b"", b"--fronti", b"tail\r\n\r\n",
                     b"mid --frontier-- dle"):
            body = b"--frontier\r\nContent-Type: application/json\r\n\r\n{\"name\":\"o\"}\r\n--frontier\r\n" \
                b"Content-Type: a/b\r\n\r\n" + data + b"\r\n--frontier--\r\n"
            raw.ask("POST", UPLOAD + "multipart", body,
                    {"Content-Type": "multipart/related; boundary=\"frontier\""}, 200)
            got = raw.ask("GET", path("o", "?alt=media"), want=200).data
            check(got == data, f"{data!r} came back as {got!r}")
