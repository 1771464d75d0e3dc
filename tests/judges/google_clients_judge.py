"""Google's own clients of Firestore, Pub/Sub, Storage and IAM Credentials use local-cloud. What they exchange
with it is held against the discovery documents as well (google_schema), so each also proves that the schema
judge raises no false alarm."""
import base64
import contextlib
import datetime
import http.server
import io
import json
import os
import threading

import google.auth.transport.requests
import httplib2
from google.api_core import exceptions
from google.auth import crypt
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore.client import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports.rest import FirestoreRestTransport
from google.oauth2 import id_token
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports.rest import PublisherRestTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports.rest import SubscriberRestTransport
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

import google_discovery
import google_schema
import judge
from judge import case, check

PROJECT = "local-project"
DATABASE = f"projects/{PROJECT}/databases/(default)"
DOCUMENTS = DATABASE + "/documents"
WAIT_SECONDS = 10


@contextlib.contextmanager
def judged(**env):
    """A local-cloud whose record must hold nothing to report at the end."""
    with judge.local_cloud(**env) as cloud:
        yield cloud
        entries = cloud.record
        check(entries, "nothing is on record")
        judge.no_findings(google_schema.judge(entries))


def discovered(name, cloud):
    """The generic client, made from a discovery document with our origin in it."""
    with open(os.path.join(google_discovery.DOCUMENTS, name + ".json"), encoding="utf-8") as text:
        document = json.load(text)
    document["rootUrl"] = document["mtlsRootUrl"] = cloud.origin + "/"
    document["baseUrl"] = document["rootUrl"] + document["servicePath"]
    text = json.dumps(document)
    if name == "firestore.v1":  # the patterns leave the root out
        for narrow, wide in google_discovery.FIRESTORE_ROOT:
            text = text.replace(narrow + "$", wide + "$")
    client = httplib2.Http(timeout=20)
    client.redirect_codes = client.redirect_codes - {308}
    return build_from_document(text, http=client)


def fails(status, word, function):
    """`function` must be refused by HttpError with that status and a text that holds `word`."""
    try:
        function()
    except HttpError as why:
        check(why.resp.status == status, f"{why.resp.status} for {status}: {why}")
        check(word in str(why.content), f"{why.content} for {word}")
        check(why.reason, "the client found no message in the error's body")
        return why
    raise AssertionError(f"not refused with {status} {word}")


def text_fields(**values):
    return {"fields": {k: {"stringValue": v} for k, v in values.items()}}


# --- the generic client -------------------------------------------------------------------------


@case("the generic client writes, reads and queries Firestore")
def generic_firestore():
    with judged() as cloud:
        docs = discovered("firestore.v1", cloud).projects().databases().documents()
        name = DOCUMENTS + "/people/ann"
        docs.createDocument(
            parent=DOCUMENTS, collectionId="people", documentId="ann", body=text_fields(name="Ann")
        ).execute()
        fails(409, "ALREADY_EXISTS", docs.createDocument(
            parent=DOCUMENTS, collectionId="people", documentId="ann", body={}).execute)
        check(docs.get(name=name).execute()["fields"]["name"]["stringValue"] == "Ann", "get")
        fails(404, "NOT_FOUND", docs.get(name=DOCUMENTS + "/people/nobody").execute)
        docs.patch(
            name=name, updateMask_fieldPaths=["city"], currentDocument_exists=True,
            body=text_fields(city="Bonn")).execute()
        fails(404, "NOT_FOUND", docs.patch(
            name=DOCUMENTS + "/people/no", currentDocument_exists=True, body={}).execute)
        listed = docs.list(parent=DOCUMENTS, collectionId="people", pageSize=5, orderBy="name desc").execute()
        check([d["name"] for d in listed["documents"]] == [name], f"list: {listed}")
        generic_firestore_bulk(docs, name)
        docs.delete(name=name, currentDocument_exists=True).execute()
        fails(404, "NOT_FOUND", docs.get(name=name).execute)


def generic_firestore_bulk(docs, name):
    got = docs.batchGet(database=DATABASE, body={"documents": [name, DOCUMENTS + "/people/no"]}).execute()
    check(sum("found" in g for g in got) == 1 and sum("missing" in g for g in got) == 1, f"batchGet: {got}")
    begun = docs.beginTransaction(database=DATABASE, body={"options": {"readWrite": {}}}).execute()
    write = {
        "update": {"name": name},
        "updateMask": {"fieldPaths": []},
        "updateTransforms": [
            {"fieldPath": "visits", "increment": {"integerValue": "2"}},
            {"fieldPath": "seenAt", "setToServerValue": "REQUEST_TIME"},
        ],
        "currentDocument": {"exists": True},
    }
    body = {"writes": [write], "transaction": begun["transaction"]}
    done = docs.commit(database=DATABASE, body=body).execute()
    check(done["writeResults"][0]["transformResults"][0] == {"integerValue": "2"}, f"commit: {done}")
    fails(400, "FAILED_PRECONDITION", docs.commit(database=DATABASE, body={"writes": [
        {"delete": name, "currentDocument": {"updateTime": "2020-01-01T00:00:00Z"}}]}).execute)
    begun = docs.beginTransaction(database=DATABASE, body={}).execute()
    docs.rollback(database=DATABASE, body={"transaction": begun["transaction"]}).execute()
    fails(400, "INVALID_ARGUMENT", docs.rollback(database=DATABASE, body={"transaction": "bm9uZQ=="}).execute)
    generic_firestore_queries(docs, name)


def generic_firestore_queries(docs, name):
    where = {"fieldFilter": {"field": {"fieldPath": "city"}, "op": "EQUAL", "value": {"stringValue": "Bonn"}}}
    query = {
        "from": [{"collectionId": "people"}],
        "where": where,
        "orderBy": [{"field": {"fieldPath": "__name__"}, "direction": "DESCENDING"}],
        "limit": 3,
    }
    got = docs.runQuery(parent=DOCUMENTS, body={"structuredQuery": query}).execute()
    check([g["document"]["name"] for g in got if "document" in g] == [name], f"runQuery: {got}")
    empty = {"from": [{"collectionId": "nothing"}]}
    got = docs.runQuery(parent=DOCUMENTS, body={"structuredQuery": empty}).execute()
    check(got and all("document" not in g and "readTime" in g for g in got), f"an empty answer: {got}")
    count = {"structuredQuery": query, "aggregations": [{"alias": "n", "count": {}}]}
    got = docs.runAggregationQuery(parent=DOCUMENTS, body={"structuredAggregationQuery": count}).execute()
    check(got[0]["result"]["aggregateFields"]["n"] == {"integerValue": "1"}, f"count: {got}")
    ids = docs.listCollectionIds(parent=DOCUMENTS, body={"pageSize": 10}).execute()
    check(ids["collectionIds"] == ["people"], f"listCollectionIds: {ids}")
    bad = {"structuredQuery": {"from": [{"collectionId": "people"}], "limit": -1}}
    fails(400, "INVALID_ARGUMENT", docs.runQuery(parent=DOCUMENTS, body=bad).execute)


@case("the generic client makes topics and subscriptions, publishes, pulls and acknowledges")
def generic_pubsub():
    with judged() as cloud:
        projects = discovered("pubsub.v1", cloud).projects()
        topics, subscriptions = projects.topics(), projects.subscriptions()
        topic = f"projects/{PROJECT}/topics/judged"
        subscription = f"projects/{PROJECT}/subscriptions/judged"
        fails(404, "NOT_FOUND", topics.get(topic=topic).execute)
        fails(404, "NOT_FOUND", topics.publish(topic=topic, body={"messages": [{"data": "eA=="}]}).execute)
        check(topics.create(name=topic, body={}).execute()["name"] == topic, "create")
        fails(409, "ALREADY_EXISTS", topics.create(name=topic, body={}).execute)
        made = subscriptions.create(name=subscription, body={
            "topic": topic, "ackDeadlineSeconds": 20, "enableMessageOrdering": True,
            "retryPolicy": {"minimumBackoff": "1.500s", "maximumBackoff": "60s"}}).execute()
        check(made["ackDeadlineSeconds"] == 20 and made["enableMessageOrdering"], f"subscription: {made}")
        fails(409, "ALREADY_EXISTS", subscriptions.create(name=subscription, body={"topic": topic}).execute)
        sent = [{"data": base64.b64encode(t).decode(), "orderingKey": "k", "attributes": {"n": "1"}}
                for t in (b"one", b"two", b"three")]
        ids = topics.publish(topic=topic, body={"messages": sent}).execute()["messageIds"]
        got = []
        while len(got) < 3:
            answer = subscriptions.pull(subscription=subscription, body={"maxMessages": 10}).execute()
            some = answer.get("receivedMessages", [])
            check(some, f"only {len(got)} messages came")
            got += [m["message"] for m in some]
            acks = {"ackIds": [m["ackId"] for m in some]}
            subscriptions.acknowledge(subscription=subscription, body=acks).execute()
        check([m["messageId"] for m in got] == ids, f"order: {got}")
        check(base64.b64decode(got[2]["data"]) == b"three" and got[0]["orderingKey"] == "k", f"{got}")
        generic_pubsub_rest(topics, subscriptions, topic, subscription)


def generic_pubsub_rest(topics, subscriptions, topic, subscription):
    fails(400, "INVALID_ARGUMENT", topics.publish(topic=topic, body={"messages": [{}]}).execute)
    changed = subscriptions.patch(name=subscription, body={
        "subscription": {"name": subscription, "ackDeadlineSeconds": 30},
        "updateMask": "ackDeadlineSeconds"}).execute()
    check(changed["ackDeadlineSeconds"] == 30, f"patch: {changed}")
    check(subscriptions.get(subscription=subscription).execute()["topic"] == topic, "get")
    listed = subscriptions.list(project=f"projects/{PROJECT}").execute()["subscriptions"]
    check(subscription in [s["name"] for s in listed], f"list: {listed}")
    listed = topics.list(project=f"projects/{PROJECT}").execute()["topics"]
    check(topic in [t["name"] for t in listed], f"topics: {listed}")
    listed = topics.subscriptions().list(topic=topic).execute()["subscriptions"]
    check(listed == [subscription], f"of the topic: {listed}")
    fails(400, "INVALID_ARGUMENT", subscriptions.modifyAckDeadline(
        subscription=subscription, body={"ackIds": ["gone"], "ackDeadlineSeconds": 0}).execute)
    subscriptions.delete(subscription=subscription).execute()
    fails(404, "NOT_FOUND", subscriptions.pull(subscription=subscription, body={"maxMessages": 1}).execute)
    topics.delete(topic=topic).execute()
    fails(404, "NOT_FOUND", topics.delete(topic=topic).execute)


@case("the generic client stores, reads, lists, changes, copies and deletes objects")
def generic_storage():
    with judged() as cloud:
        storage = discovered("storage.v1", cloud)
        insert = storage.buckets().insert(project=PROJECT, body={"name": "judged-bucket"})
        insert.execute()
        fails(409, "conflict", insert.execute)
        check(storage.buckets().get(bucket="judged-bucket").execute()["name"] == "judged-bucket", "bucket")
        fails(404, "notFound", storage.buckets().get(bucket="no-such-bucket").execute)
        objects, data = storage.objects(), bytes(range(256)) * 2500  # 640 kB, three chunks
        name = "a b/ü+%.bin"
        for resumable in (False, True):
            media = MediaIoBaseUpload(
                io.BytesIO(data), "application/octet-stream", chunksize=256 * 1024, resumable=resumable
            )
            body = {"name": name, "metadata": {"by": "judge"}}
            made = objects.insert(bucket="judged-bucket", body=body, media_body=media).execute()
            check(made["size"] == str(len(data)) and made["name"] == name, f"insert: {made}")
        fails(412, "conditionNotMet", objects.insert(
            bucket="judged-bucket", body={"name": name}, ifGenerationMatch="0",
            media_body=MediaIoBaseUpload(io.BytesIO(b"x"), "text/plain")).execute)
        generic_storage_reads(objects, name, data)
        objects.copy(sourceBucket="judged-bucket", sourceObject=name, destinationBucket="judged-bucket",
                     destinationObject="copy", body={}).execute()
        done = objects.rewrite(
            sourceBucket="judged-bucket", sourceObject="copy", destinationBucket="judged-bucket",
            destinationObject="again", body={}).execute()
        check(done["done"] and done["resource"]["size"] == str(len(data)), f"rewrite: {done}")
        listed = objects.list(bucket="judged-bucket", delimiter="/").execute()
        check([o["name"] for o in listed["items"]] == ["again", "copy"], f"list: {listed}")
        check(listed["prefixes"] == ["a b/"], f"prefixes: {listed}")
        for each in (name, "copy", "again"):
            objects.delete(bucket="judged-bucket", object=each).execute()
        fails(404, "notFound", objects.delete(bucket="judged-bucket", object=name).execute)
        storage.buckets().delete(bucket="judged-bucket").execute()


def generic_storage_reads(objects, name, data):
    got = objects.get(bucket="judged-bucket", object=name).execute()
    check(got["metadata"] == {"by": "judge"} and got["contentType"] == "application/octet-stream", f"{got}")
    check(objects.get_media(bucket="judged-bucket", object=name).execute() == data, "media")
    into = io.BytesIO()
    download = MediaIoBaseDownload(
        into, objects.get_media(bucket="judged-bucket", object=name), chunksize=200_000
    )
    while not download.next_chunk()[1]:
        pass
    check(into.getvalue() == data, "ranged media")
    fails(404, "", objects.get_media(bucket="judged-bucket", object="none").execute)
    changed = objects.patch(
        bucket="judged-bucket", object=name, ifMetagenerationMatch=got["metageneration"],
        body={"metadata": {"by": "nobody"}}).execute()
    check(changed["metadata"] == {"by": "nobody"}, f"patch: {changed}")
    check(changed["metageneration"] == str(int(got["metageneration"]) + 1), f"metageneration: {changed}")
    fails(412, "conditionNotMet", objects.patch(
        bucket="judged-bucket", object=name, ifMetagenerationMatch=got["metageneration"], body={}).execute)
    fails(412, "conditionNotMet", objects.delete(
        bucket="judged-bucket", object=name, ifGenerationMatch="1").execute)


@case("the generic client has bytes signed, and the certificate agrees")
def generic_iam():
    with judged() as cloud:
        accounts = discovered("iamcredentials.v1", cloud).projects().serviceAccounts()
        name = "projects/-/serviceAccounts/concierge@local-project.iam.gserviceaccount.com"
        payload = base64.b64encode(b"to be signed").decode()
        signed = accounts.signBlob(name=name, body={"payload": payload}).execute()
        pem = json.loads(cloud.get("/oauth2/v1/certs"))[signed["keyId"]]
        signature = base64.b64decode(signed["signedBlob"])
        check(crypt.verify_signature(b"to be signed", signature, pem), "the signature is another")
        fails(400, "INVALID_ARGUMENT", accounts.signBlob(name=name, body={"payload": "***"}).execute)


# --- Python's Firestore and Pub/Sub -------------------------------------------------------------


def rest(transport, cloud):
    return transport(host=cloud.host, url_scheme="http", credentials=AnonymousCredentials())


def python_client(cloud):
    client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
    client._firestore_api_internal = FirestoreClient(transport=rest(FirestoreRestTransport, cloud))
    return client


def raises(kind, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


@case("Python's Firestore client writes, reads, queries and counts over REST")
def python_firestore():
    with judged() as cloud:
        client = python_client(cloud)
        people = client.collection("people")
        ann = people.document("ann")
        when = datetime.datetime(2026, 11, 21, 9, 0, 0, 123456, datetime.timezone.utc)
        everything = {
            "name": "Ann", "n": 2**62, "pi": 3.5, "yes": True, "none": None, "at": when, "raw": b"\0\xff",
            "list": [1, "two", {"three": 3}], "map": {"a.b": {"c d": "`"}}, "empty": [], "nothing": {},
            "ref": people.document("bob"), "here": firestore.GeoPoint(50.7, 7.1), "inf": float("inf")}
        ann.create(everything)
        raises(exceptions.Conflict, ann.create, {})
        check(ann.get().to_dict() == everything, f"came back as {ann.get().to_dict()}")
        ann.update({"tags": firestore.ArrayUnion(["x", "y"]), "seen": firestore.SERVER_TIMESTAMP,
                    "n": firestore.Increment(1), "map.new": 1, "none": firestore.DELETE_FIELD})
        got = ann.get().to_dict()
        check(got["n"] == 2**62 + 1 and got["tags"] == ["x", "y"] and "none" not in got, f"update: {got}")
        check(got["map"]["new"] == 1 and got["seen"] > when - datetime.timedelta(days=400), f"update: {got}")
        raises(exceptions.NotFound, people.document("nobody").update, {"a": 1})
        check(not people.document("nobody").get().exists, "a missing document exists")
        python_firestore_queries(client, people)


def python_firestore_queries(client, people):
    batch = client.batch()
    for i in range(8):
        batch.set(people.document(f"p{i}"), {"i": i, "even": i % 2 == 0, "name": f"p{i}"})
    batch.set(people.document("p0"), {"merged": True}, merge=True)
    batch.commit()
    field = firestore.FieldFilter
    even = people.where(filter=field("even", "==", True)).order_by("i", direction=firestore.Query.DESCENDING)
    check([d.id for d in even.stream()] == ["p6", "p4", "p2", "p0"], "query")
    after = even.start_after({"i": 4}).limit(1).get()
    check([d.id for d in after] == ["p2"], "cursor")
    few = people.where(filter=field("i", "in", [1, 3, 99]))
    check(sorted(d.id for d in few.stream()) == ["p1", "p3"], "in")
    either = people.where(filter=firestore.Or([field("i", "<", 1), field("i", ">=", 7)]))
    check(sorted(d.id for d in either.stream()) == ["p0", "p7"], "or")
    check(people.where(filter=field("i", ">", 3)).count(alias="n").get()[0][0].value == 4, "count")
    check(people.where(filter=field("i", ">", 3)).sum("i").get()[0][0].value == 22, "sum")
    check(list(people.where(filter=field("i", ">", 99)).stream()) == [], "an empty answer")
    got = {s.id: s.exists for s in client.get_all([people.document("p1"), people.document("no")])}
    check(got == {"p1": True, "no": False}, f"get_all: {got}")
    check("p3" in [d.id for d in people.list_documents(page_size=3)], "list_documents")
    check([c.id for c in client.collections()] == ["people"], "collections")
    people.document("p1").collection("turns").document("t").set({"k": 1})
    group = [d.reference.path for d in client.collection_group("turns").stream()]
    check(group == ["people/p1/turns/t"], f"group: {group}")
    python_firestore_transaction(client, people)


def python_firestore_transaction(client, people):
    counter = people.document("counter")
    counter.set({"n": 0})

    @firestore.transactional
    def add(transaction):
        n = counter.get(transaction=transaction).get("n")
        transaction.update(counter, {"n": n + 1})

    for _ in range(3):
        add(client.transaction())
    snapshot = counter.get()
    check(snapshot.get("n") == 3, "transaction")
    counter.update({"n": 4}, option=client.write_option(last_update_time=snapshot.update_time))
    old = client.write_option(last_update_time=snapshot.update_time)
    raises(exceptions.BadRequest, counter.update, {"n": 5}, option=old)  # over REST the HTTP status counts
    counter.delete(option=client.write_option(exists=True))
    raises(exceptions.NotFound, counter.delete, option=client.write_option(exists=True))
    writer = client.bulk_writer()
    for i in range(30):
        writer.create(people.document(f"bulk{i}"), {"bulk": True})
    writer.close()
    bulk = people.where(filter=firestore.FieldFilter("bulk", "==", True)).count().get()[0][0].value
    check(bulk == 30, f"bulkWriter wrote {bulk}")


class Receiver:
    """A push endpoint on a free port; keeps what came and says 204 to all but the first."""

    def __init__(self):
        self.got, self.came = [], threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                data = handler.rfile.read(int(handler.headers["Content-Length"]))
                with self.came:
                    self.got.append((dict(handler.headers), json.loads(data)))
                    self.came.notify()
                    status = 503 if len(self.got) == 1 else 204
                handler.send_response(status)
                handler.end_headers()

            def log_message(self, *_args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, n):
        with self.came:
            all_came = self.came.wait_for(lambda: len(self.got) >= n, WAIT_SECONDS)
        check(all_came, f"{len(self.got)} of {n} pushes came")
        return self.got[:n]


@case("Python's Pub/Sub client creates, publishes and pulls over REST")
def python_pubsub():
    with judged() as cloud:
        publisher = PublisherClient(transport=rest(PublisherRestTransport, cloud))
        subscriber = SubscriberClient(transport=rest(SubscriberRestTransport, cloud))
        topic, name = f"projects/{PROJECT}/topics/judged", f"projects/{PROJECT}/subscriptions/judged"
        publisher.create_topic(name=topic)
        raises(exceptions.Conflict, publisher.create_topic, name=topic)
        subscriber.create_subscription(request={"name": name, "topic": topic})
        message = {"data": b"\0\xff", "attributes": {"a": "ü"}}
        ids = publisher.publish(topic=topic, messages=[message]).message_ids
        got = subscriber.pull(subscription=name, max_messages=5).received_messages
        check([m.message.message_id for m in got] == ids, f"pulled {got}")
        check(got[0].message.data == b"\0\xff" and got[0].message.attributes["a"] == "ü", f"pulled {got}")
        subscriber.modify_ack_deadline(subscription=name, ack_ids=[got[0].ack_id], ack_deadline_seconds=0)
        again = subscriber.pull(subscription=name, max_messages=5).received_messages
        check([m.message.message_id for m in again] == ids, "a nacked message came not again")
        subscriber.acknowledge(subscription=name, ack_ids=[again[0].ack_id])
        listed = [s.name for s in subscriber.list_subscriptions(project=f"projects/{PROJECT}")]
        check(listed.count(name) == 1, f"list: {listed}")
        raises(exceptions.NotFound, publisher.publish, topic=topic + "x", messages=[{"data": b"x"}])
        subscriber.delete_subscription(subscription=name)
        publisher.delete_topic(topic=topic)


@case("a push brings the documented envelope and a good token, and is repeated until it is acked")
def push():
    with judged() as cloud:
        receiver = Receiver()
        publisher = PublisherClient(transport=rest(PublisherRestTransport, cloud))
        subscriber = SubscriberClient(transport=rest(SubscriberRestTransport, cloud))
        topic, account = f"projects/{PROJECT}/topics/pushed", "pusher@local-project.iam.gserviceaccount.com"
        publisher.create_topic(name=topic)
        publisher.create_topic(name=topic + "-dead")
        subscriber.create_subscription(request={
            "name": f"projects/{PROJECT}/subscriptions/pushed", "topic": topic,
            "enable_message_ordering": True,
            "push_config": {"push_endpoint": receiver.origin + "/here", "oidc_token": {
                "service_account_email": account, "audience": "https://aud.example"}},
            "retry_policy": {"minimum_backoff": {"nanos": 100_000_000}, "maximum_backoff": {"seconds": 1}},
            "dead_letter_policy": {"dead_letter_topic": topic + "-dead", "max_delivery_attempts": 5}})
        message = {"data": b"hello", "attributes": {"k": "v"}, "ordering_key": "o"}
        [sent] = publisher.publish(topic=topic, messages=[message]).message_ids
        for attempt, (headers, envelope) in enumerate(receiver.wait(2), 1):
            check(envelope["message"]["messageId"] == sent, f"{envelope}")
            check(envelope["deliveryAttempt"] == attempt, f"{envelope}")
            check(base64.b64decode(envelope["message"]["data"]) == b"hello", f"{envelope}")
            token = headers["Authorization"].removeprefix("Bearer ")
            claims = id_token.verify_token(token, google.auth.transport.requests.Request(),
                                           audience="https://aud.example",
                                           certs_url=cloud.origin + "/oauth2/v1/certs")
            check(claims["email"] == account and claims["email_verified"], f"{claims}")


# --- Node's Firestore and Pub/Sub ---------------------------------------------------------------


@case("Node's Firestore client does the same over REST")
def node_firestore():
    with judged() as cloud:
        judge.node("google_firestore.mjs", cloud.host)


@case("Node's Pub/Sub client creates, publishes and pulls over REST")
def node_pubsub():
    with judged() as cloud:
        judge.node("google_pubsub.mjs", cloud.host)
