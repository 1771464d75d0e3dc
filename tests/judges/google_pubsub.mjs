// Google's Pub/Sub client in Node as a client of local-cloud, over REST. Argument: HOST:PORT
// Its subscription.on('message') wants a gRPC stream, so messages are pulled by the client underneath.
import assert from 'node:assert/strict';
import { PubSub, v1 } from '@google-cloud/pubsub';
import { PassThroughClient } from 'google-auth-library';

const [host, port] = process.argv[2].split(':');
const projectId = 'local-project';
const plain = { projectId, fallback: true, protocol: 'http', authClient: new PassThroughClient() };
const pubsub = new PubSub({ ...plain, apiEndpoint: process.argv[2] });
const puller = new v1.SubscriberClient({ ...plain, servicePath: host, port: Number(port) });
const subscription = `projects/${projectId}/subscriptions/judged-node`;

async function pull() {
  const [answer] = await puller.pull({ subscription, maxMessages: 10 });
  return answer.receivedMessages;
}

const checks = {
  async 'topics and subscriptions are made and found'() {
    const [topic] = await pubsub.createTopic('judged-node');
    await assert.rejects(pubsub.createTopic('judged-node'), /ALREADY_EXISTS|already exists/i);
    await topic.createSubscription('judged-node', { enableMessageOrdering: true, ackDeadlineSeconds: 20 });
    assert.deepEqual(await pubsub.topic('judged-node').exists(), [true]);
    // .exists() of what is not there looks for a gRPC code, which this mode does not make of the answer.
    await assert.rejects(pubsub.topic('judged-none').getMetadata(), /NOT_FOUND|not found/i);
    assert.ok((await pubsub.getTopics())[0].some((t) => t.name.endsWith('/judged-node')));
    assert.ok((await pubsub.getSubscriptions())[0].some((s) => s.name === subscription));
    const [metadata] = await pubsub.subscription('judged-node').getMetadata();
    assert.equal(metadata.enableMessageOrdering, true);
  },
  async 'messages are published in order with keys and attributes, and pulled'() {
    const topic = pubsub.topic('judged-node', { messageOrdering: true });
    const send = (text) =>
      topic.publishMessage({ data: Buffer.from(text), attributes: { text }, orderingKey: 'k' });
    const ids = await Promise.all(['one', 'zwölf', 'three'].map(send));
    const got = [];
    while (got.length < ids.length) {
      const some = await pull();
      assert.ok(some.length, `only ${got.length} came`);
      got.push(...some);
      await puller.acknowledge({ subscription, ackIds: some.map((m) => m.ackId) });
    }
    assert.deepEqual(got.map((m) => m.message.messageId), ids);
    assert.deepEqual(got.map((m) => Buffer.from(m.message.data).toString()), ['one', 'zwölf', 'three']);
    assert.equal(got[1].message.attributes.text, 'zwölf');
    assert.equal(got[1].message.orderingKey, 'k');
  },
  async 'what is not there is told as such'() {
    const nowhere = pubsub.topic('judged-none').publishMessage({ data: Buffer.from('x') });
    await assert.rejects(nowhere, /NOT_FOUND|not found/i);
    await pubsub.subscription('judged-node').delete();
    await pubsub.topic('judged-node').delete();
    await assert.rejects(pubsub.topic('judged-node').delete(), /NOT_FOUND|not found/i);
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
await puller.close();
await pubsub.close();
