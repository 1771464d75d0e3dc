// npm twilio against local-cloud's REST. Usage: twilio_clients.mjs ORIGIN APPLICATION ACCOUNT TOKEN
import twilio from 'twilio';

const [origin, application, account, token] = process.argv.slice(2);
const FROM = '+4930123456';
const TO = '+15005550006';

// The client's transport with another origin; edge, region and environment cannot do it.
class Local extends twilio.RequestClient {
  request(opts) {
    const there = new URL(opts.uri);
    const here = new URL(origin);
    there.protocol = here.protocol;
    there.host = here.host;
    return super.request({ ...opts, uri: there.href });
  }
}

const client = (password = token) => twilio(account, password, { httpClient: new Local() });
const api = client();

function check(condition, text) {
  if (!condition) throw new Error(text);
}

async function refused(status, code, ask) {
  try {
    await ask();
  } catch (error) {
    check(error.status === status && error.code === code, `${error.status} ${error.code}: ${error.message}`);
    check(error.moreInfo === `https://www.twilio.com/docs/errors/${code}`, `moreInfo is ${error.moreInfo}`);
    return;
  }
  throw new Error(`was not refused with ${status} ${code}`);
}

async function until(fetch, done) {
  let got;
  for (let i = 0; i < 200; i++) {
    got = await fetch();
    if (done(got)) return got;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not happen: ${JSON.stringify(got)}`);
}

async function runningCall() {
  const document = new twilio.twiml.VoiceResponse();
  document.pause({ length: 60 });
  const call = await api.calls.create({ to: FROM, from: TO, twiml: document });
  return until(() => api.calls(call.sid).fetch(), (c) => c.status === 'in-progress');
}

const checks = {
  async 'a call is placed, redirected and ended'() {
    const call = await runningCall();
    check(call.direction === 'outbound-api' && call.startTime instanceof Date, 'direction or time');
    const document = new twilio.twiml.VoiceResponse();
    document.pause({ length: 30 });
    await api.calls(call.sid).update({ twiml: document.toString() });
    const url = `${application}/none`;
    await api.calls(call.sid).update({ url, method: 'POST', fallbackUrl: `${application}/f` });
    const ended = await api.calls(call.sid).update({ status: 'completed' });
    check(ended.status === 'completed', ended.status);
    await refused(400, 21220, () => api.calls(call.sid).update({ status: 'completed' }));
    check(await api.calls(call.sid).remove(), 'not removed');
    await refused(404, 20404, () => api.calls(call.sid).fetch());
  },
  async 'lists are paged'() {
    for (let i = 0; i < 5; i++)
      await api.calls.create({ to: `+493099999${i}`, from: TO, url: `${application}/none` });
    check((await api.calls.list({ pageSize: 2, limit: 20 })).length >= 5, 'a list of all');
    const page = await api.calls.page({ pageSize: 3 });
    check(page.instances.length === 3, 'a page');
    const next = await page.nextPage();
    check(next.instances.length >= 2 && next.instances[0].sid !== page.instances[0].sid, 'the next page');
    const only = await api.calls.list({ to: '+4930999993' });
    check(only.length === 1 && only[0].to === '+4930999993', 'filtered');
    let n = 0;
    for await (const call of asAsync(api.calls, { pageSize: 2, limit: 4 })) n += call.sid.length > 0;
    check(n === 4, `each() gave ${n}`);
  },
  async 'a recording is made, paused, read and deleted'() {
    const call = await runningCall();
    const made = await api.calls(call.sid).recordings.create({
      recordingChannels: 'mono',
      recordingStatusCallback: `${application}/recording`,
      recordingStatusCallbackEvent: ['in-progress', 'completed'],
    });
    check(made.source === 'StartCallRecordingAPI' && made.channels === 1, `${made.source} ${made.channels}`);
    const paused = await api.calls(call.sid).recordings('Twilio.CURRENT').update({ status: 'paused' });
    check(paused.status === 'paused', paused.status);
    await api.calls(call.sid).recordings(made.sid).update({ status: 'stopped' });
    const done = await until(() => api.recordings(made.sid).fetch(), (r) => r.status === 'completed');
    check(done.duration !== null && done.mediaUrl.startsWith(origin), `${done.duration} ${done.mediaUrl}`);
    check((await api.recordings.list({ callSid: call.sid })).length === 1, 'listed');
    check(await api.recordings(made.sid).remove(), 'not removed');
    await refused(404, 20404, () => api.recordings(made.sid).fetch());
    await api.calls(call.sid).update({ status: 'completed' });
  },
  async 'messages are sent and refused'() {
    const sent = await api.messages.create({ to: FROM, from: TO, body: 'Grüße 😀' });
    check(sent.body === 'Grüße 😀' && sent.sid.startsWith('SM'), sent.body);
    check((await api.messages(sent.sid).fetch()).sid === sent.sid, 'fetched');
    check((await api.messages.list({ to: FROM })).length === 1, 'listed');
    await refused(400, 21610, () => api.messages.create({ to: '+15005550004', from: TO, body: 'x' }));
  },
  async 'refusals have status and code'() {
    await refused(401, 20003, () => client('0'.repeat(32)).calls.list());
    await refused(404, 20404, () => api.calls(`CA${'0'.repeat(32)}`).fetch());
    await refused(400, 21217, () => api.calls.create({ to: '+1', from: TO, url: `${application}/none` }));
    await refused(400, 21205, () => api.calls.create({ to: FROM, from: TO, url: 'voice' }));
  },
};

// The client's own each() walks page after page.
async function* asAsync(list, options) {
  const all = await new Promise((resolve, reject) => {
    const got = [];
    const done = (error) => (error ? reject(error) : resolve(got));
    list.each({ ...options, callback: (item) => got.push(item), done });
  });
  yield* all;
}

let failed = false;
for (const [name, run] of Object.entries(checks)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`not ok ${name}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
