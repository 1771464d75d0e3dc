// Google's Node client against a Cloud Storage at argv[2] (empty: by STORAGE_EMULATOR_HOST), and through a
// proxy at argv[3] that cuts connections (storage_proxy.py).
import { randomBytes, createHash } from 'node:crypto';
import { IdempotencyStrategy, Storage } from '@google-cloud/storage';

const [origin, wire] = process.argv.slice(2);
const UNIT = 256 * 1024;
const data = randomBytes(3 * UNIT + 1000);
const retryOptions = {
  maxRetries: 6,
  retryDelayMultiplier: 1.01,
  maxRetryDelay: 1,
  idempotencyStrategy: IdempotencyStrategy.RetryAlways,
};
const storage = new Storage({ projectId: 'p', retryOptions, ...(origin ? { apiEndpoint: origin } : {}) });
const through = new Storage({ projectId: 'p', apiEndpoint: wire, retryOptions });

async function ok(name, check) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (e) {
    const text = e.stack ?? JSON.stringify({ message: e.message, status: e.status, body: e.response?.data });
    console.log(`not ok ${name}: ${text.split('\n').slice(0, 4).join(' | ')}`);
  }
}

function same(got, want, what) {
  const equal = Buffer.isBuffer(got) ? got.equals(want) : JSON.stringify(got) === JSON.stringify(want);
  if (!equal) throw new Error(`${what}: ${Buffer.isBuffer(got) ? got.length : JSON.stringify(got)}`);
}

async function refused(code, promise) {
  const error = await promise.then(() => null, (e) => e);
  if (!error) throw new Error(`expected ${code}, was accepted`);
  if (Number(error.code ?? error.status) !== code) throw error;
}

const [bucket] = await storage.createBucket('bucket');
const md5 = (bytes) => createHash('md5').update(bytes).digest('base64');

for (const [way, how] of [['simple', { resumable: false }], ['resumable', { resumable: true }],
  ['in chunks', { resumable: true, chunkSize: UNIT }]]) {
  for (const size of [0, 1, UNIT, data.length]) {
    if (size === 0 && how.chunkSize) continue; // it then says "bytes 0--1/0", which is no Content-Range
    await ok(`${way} upload of ${size} bytes, checked by md5 and crc32c`, async () => {
      const bytes = data.subarray(0, size);
      const file = bucket.file(`${way} ${size}`);
      const metadata = { contentType: 'audio/wav', metadata: { callSid: 'CA1' } };
      await file.save(bytes, { ...how, validation: 'md5', metadata });
      const [meta] = await file.getMetadata();
      same([Number(meta.size), meta.contentType, meta.metadata, meta.md5Hash],
        [size, 'audio/wav', { callSid: 'CA1' }, md5(bytes)], 'resource');
      same((await file.download({ validation: 'md5' }))[0], bytes, 'bytes by md5');
      same((await file.download({ validation: 'crc32c' }))[0], bytes, 'bytes by crc32c');
    });
  }
}

await ok('ranged reads', async () => {
  const file = bucket.file(`simple ${data.length}`);
  same((await file.download({ start: 0, end: 9 }))[0], data.subarray(0, 10), 'first');
  const [middle] = await file.download({ start: UNIT - 5, end: UNIT + 4 });
  same(middle, data.subarray(UNIT - 5, UNIT + 5), 'middle');
  same((await file.download({ end: -7 }))[0], data.subarray(data.length - 7), 'suffix');
  same((await file.download({ start: data.length - 1 }))[0], data.subarray(data.length - 1), 'last');
  await refused(416, file.download({ start: data.length }));
});

await ok('preconditions', async () => {
  const file = bucket.file('pre');
  const absent = { ifGenerationMatch: 0 };
  await file.save('one', { resumable: false, preconditionOpts: absent });
  const [{ generation }] = await file.getMetadata();
  for (const resumable of [false, true])
    await refused(412, bucket.file('pre').save('x', { resumable, preconditionOpts: absent }));
  const unchanged = { ifGenerationMatch: Number(generation) };
  await bucket.file('pre').save('two', { resumable: true, preconditionOpts: unchanged });
  await refused(412, bucket.file('pre').delete({ ifGenerationMatch: generation }));
  await refused(412, bucket.file('pre').setMetadata({ contentType: 'a/b' }, { ifMetagenerationMatch: 9 }));
  await refused(404, bucket.file('pre', { generation }).download());
  await refused(404, bucket.file('pre', { generation }).delete());
  same((await bucket.file('pre').download())[0].toString(), 'two', 'the successor');
});

await ok('copy, move, metadata and delete', async () => {
  const file = bucket.file('dir/ü + %.wav');
  await file.save(data, { resumable: false, metadata: { metadata: { a: '1', b: '2' } } });
  const [copy] = await file.copy(bucket.file('copied/ü + %.wav'));
  same((await copy.download())[0], data, 'copy');
  same((await copy.getMetadata())[0].metadata, { a: '1', b: '2' }, 'metadata of the copy');
  await copy.setMetadata({ metadata: { a: null, c: '3' } });
  same((await copy.getMetadata())[0].metadata, { b: '2', c: '3' }, 'metadata changed');
  await copy.move('moved');
  same(await copy.exists(), [false], 'moved away');
  same((await bucket.file('moved').download())[0], data, 'moved');
  await bucket.file('moved').delete();
  same(await bucket.file('moved').exists(), [false], 'deleted');
  await refused(404, bucket.file('moved').delete());
});

await ok('lists', async () => {
  for (const name of ['l/1', 'l/2', 'l/m/3', 'l o']) await bucket.file(name).save('x', { resumable: false });
  const names = [];
  for (let query = { prefix: 'l', maxResults: 1, autoPaginate: false }; query;) {
    const [page, next] = await bucket.getFiles(query);
    names.push(...page.map((f) => f.name));
    query = next;
  }
  same(names, ['l o', 'l/1', 'l/2', 'l/m/3'], 'pages');
  const [files, , answer] = await bucket.getFiles({ prefix: 'l/', delimiter: '/', autoPaginate: false });
  same([files.map((f) => f.name), answer.prefixes], [['l/1', 'l/2'], ['l/m/']], 'folders');
  same(await bucket.exists(), [true], 'the bucket');
});

// All at once: the client waits a second before it tries again.
const byChunk = [0, 1, UNIT / 2, UNIT - 1, UNIT, 'whole'].flatMap((at) => [[0, at], [1, at], [2, at]])
  .concat([[3, 0], [3, 999], [3, 'whole']]);
const inOne = [0, 1, UNIT - 1, UNIT, UNIT + 1, data.length - 1, 'whole'].map((at) => [0, at]);
const uploads = [['in chunks', UNIT, byChunk], ['in one request', undefined, inOne]];
await Promise.all(uploads.flatMap(([way, chunkSize, cuts]) => cuts.map(([put, at]) =>
  ok(`upload ${way}, cut in PUT ${put} at byte ${at}`, async () => {
    const name = `cut ${way} ${put} ${at}`;
    await fetch(`${wire}/cut?put=${put}&at=${at}&name=${encodeURIComponent(name)}`);
    const file = through.bucket('bucket').file(name);
    const saved = file.save(data, { resumable: true, chunkSize, preconditionOpts: { ifGenerationMatch: 0 } });
    // Told by a status query that all is stored (200), this client takes it for nothing and gives up.
    const gaveUp = (e) => { if (!(e instanceof RangeError)) throw e; };
    await (put === 3 && at === 'whole' ? saved.catch(gaveUp) : saved);
    same((await bucket.file(name).download())[0], data, 'bytes');
  }))));

await ok('every cut was made', async () => {
  const made = await (await fetch(`${wire}/cuts`)).text();
  same(Number(made), byChunk.length + inOne.length, 'cuts');
});
