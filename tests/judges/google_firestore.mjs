// Google's Firestore client in Node as a client of local-cloud, over REST. Argument: HOST:PORT
import assert from 'node:assert/strict';
import { FieldValue, Filter, Firestore, GeoPoint, Timestamp } from '@google-cloud/firestore';
import { PassThroughClient } from 'google-auth-library';

const db = new Firestore({
  projectId: 'local-project',
  preferRest: true,
  host: process.argv[2],
  ssl: false,
  authClient: new PassThroughClient(),
});
const people = db.collection('people');

// A status is told by its name: the numbers differ between versions of the client.
async function refused(status, promise) {
  try {
    await promise;
  } catch (why) {
    assert.match(`${why.message} ${why.details ?? ''} ${why.status ?? ''}`, status);
    return;
  }
  assert.fail(`not refused with ${status}`);
}

const checks = {
  async 'documents with every kind of value come back as they were'() {
    const value = {
      text: 'Grüße\u0000', int: 42, double: 2.5, yes: true, none: null,
      at: new Timestamp(1795251600, 123456000), raw: Buffer.from([0, 255]),
      list: [1, 'two', { three: 3 }], map: { 'a.b': { 'c d': '`' } }, empty: [], nothing: {},
      ref: people.doc('bob'), here: new GeoPoint(50.7, 7.1), infinite: -Infinity,
    };
    await people.doc('ann').create(value);
    const got = (await people.doc('ann').get()).data();
    assert.equal(got.ref.path, 'people/bob');
    assert.deepEqual({ ...got, ref: 0 }, { ...value, ref: 0 });
    await refused(/ALREADY_EXISTS|already exists/i, people.doc('ann').create({}));
  },
  async 'updates transform, merge and delete fields'() {
    const ann = people.doc('ann');
    await ann.update({
      int: FieldValue.increment(-2), list: FieldValue.arrayRemove('two'),
      tags: FieldValue.arrayUnion('x', 'y'), seen: FieldValue.serverTimestamp(),
      none: FieldValue.delete(), 'map.new': 1,
    });
    await ann.set({ map: { more: 2 } }, { merge: true });
    const got = (await ann.get()).data();
    assert.equal(got.int, 40);
    assert.deepEqual(got.tags, ['x', 'y']);
    assert.deepEqual(got.list, [1, { three: 3 }]);
    assert.equal('none' in got, false);
    assert.deepEqual(got.map, { 'a.b': { 'c d': '`' }, new: 1, more: 2 });
    assert.ok(got.seen instanceof Timestamp);
    await refused(/NOT_FOUND|no (entity|document)/i, people.doc('nobody').update({ a: 1 }));
  },
  async 'a batch is written as one'() {
    const batch = db.batch();
    for (let i = 0; i < 8; i++) batch.set(people.doc(`p${i}`), { i, even: i % 2 === 0 });
    await batch.commit();
    const bad = db.batch().set(people.doc('never'), { i: 1 }).create(people.doc('p0'), {});
    await refused(/ALREADY_EXISTS|already exists/i, bad.commit());
    assert.equal((await people.doc('never').get()).exists, false);
  },
  async 'queries filter, order, page and count'() {
    const even = people.where('even', '==', true).orderBy('i', 'desc');
    const ids = async (query) => (await query.get()).docs.map((d) => d.id);
    assert.deepEqual(await ids(even), ['p6', 'p4', 'p2', 'p0']);
    assert.deepEqual(await ids(even.startAfter(4).limit(1)), ['p2']);
    const either = Filter.or(Filter.where('i', '<', 1), Filter.where('i', '>=', 7));
    assert.deepEqual(await ids(people.where(either).orderBy('i')), ['p0', 'p7']);
    assert.deepEqual(await ids(people.where('i', 'in', [3, 1]).orderBy('i')), ['p1', 'p3']);
    assert.deepEqual(await ids(people.where('i', 'not-in', [0, 1, 2, 3, 4, 5]).orderBy('i')), ['p6', 'p7']);
    assert.deepEqual(await ids(people.where('tags', 'array-contains', 'x')), ['ann']);
    assert.deepEqual(await ids(people.orderBy('i').limitToLast(2)), ['p6', 'p7']);
    assert.deepEqual(await ids(people.where('i', '>', 99)), []);
    assert.equal((await people.where('i', '>', 3).count().get()).data().count, 4);
    let streamed = 0;
    for await (const _ of even.stream()) streamed++;
    assert.equal(streamed, 4);
    const [chosen] = (await people.where('i', '==', 3).select('even').get()).docs;
    assert.deepEqual(chosen.data(), { even: false });
  },
  async 'getAll tells missing documents'() {
    const got = await db.getAll(people.doc('p1'), people.doc('nobody'));
    assert.deepEqual(got.map((s) => s.exists), [true, false]);
  },
  async 'transactions under contention lose nothing'() {
    const counter = people.doc('counter');
    await counter.set({ n: 0 });
    const one = async (t) => t.update(counter, { n: (await t.get(counter)).get('n') + 1 });
    const add = () => db.runTransaction(one, { maxAttempts: 20 });
    await Promise.all([add(), add(), add(), add()]);
    assert.equal((await counter.get()).get('n'), 4);
    const few = async (t) => (await t.get(people.where('i', '<', 2))).size;
    assert.equal(await db.runTransaction(few, { readOnly: true }), 2);
  },
  async 'preconditions hold'() {
    const { updateTime } = await people.doc('p1').get();
    await people.doc('p1').update({ i: 11 }, { lastUpdateTime: updateTime });
    await refused(/FAILED_PRECONDITION|precondition|base version|does not match/i,
      people.doc('p1').update({ i: 12 }, { lastUpdateTime: updateTime }));
    await refused(/NOT_FOUND|no (entity|document)/i, people.doc('nobody').delete({ exists: true }));
  },
  async 'the bulk writer writes, and tells what failed'() {
    const writer = db.bulkWriter();
    const failed = [];
    writer.onWriteError((why) => { failed.push(why.documentRef.id); return false; });
    for (let i = 0; i < 30; i++) writer.set(people.doc(`bulk${i}`), { bulk: true }).catch(() => {});
    writer.create(people.doc('p2'), {}).catch(() => {});
    await writer.close();
    assert.deepEqual(failed, ['p2']);
    assert.equal((await people.where('bulk', '==', true).count().get()).data().count, 30);
  },
  async 'collections and documents are listed, groups searched, trees deleted'() {
    await people.doc('p1').collection('turns').doc('t').set({ k: 1 });
    assert.deepEqual((await db.listCollections()).map((c) => c.id), ['people']);
    assert.deepEqual((await people.doc('p1').listCollections()).map((c) => c.id), ['turns']);
    assert.ok((await people.listDocuments()).some((d) => d.id === 'p3'));
    const group = await db.collectionGroup('turns').where('k', '==', 1).get();
    assert.deepEqual(group.docs.map((d) => d.ref.path), ['people/p1/turns/t']);
    await db.recursiveDelete(people);
    assert.equal((await people.count().get()).data().count, 0);
    assert.equal((await db.collectionGroup('turns').get()).size, 0);
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (why) {
    console.log(`not ok ${name}: ${String(why.stack ?? why).replaceAll('\n', ' | ').slice(0, 900)}`);
  }
}
await db.terminate();
