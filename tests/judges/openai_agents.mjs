// The Agents SDK's Twilio transport holds a call with the voice engine at argv[2]. The Twilio side is a web
// socket that plays what it gets in real time, sends what the caller says in frames of 20 ms and answers
// marks when what stands before them has been heard. argv[3]: a folder with the caller's speech and call.json.
import fs from 'node:fs';
import path from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents/realtime';
import { TwilioRealtimeTransportLayer } from '@openai/agents-extensions';

const [url, folder] = process.argv.slice(2);
const { instructions, slots } = JSON.parse(fs.readFileSync(path.join(folder, 'call.json'), 'utf8'));
const FRAME = 160;
const FRAME_MS = 20;
const WAIT_MS = 30000;
const SILENCE = Buffer.alloc(FRAME, 0xff);

const check = (name, good, why) => console.log(good ? `ok ${name}` : `not ok ${name}: ${why}`);

async function until(name, condition) {
  const end = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${name} did not come`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

// --- the Twilio side -----------------------------------------------------------------------------

class Phone {
  constructor(socket) {
    this.socket = socket;
    this.speech = [];      // frames of the caller's, still to be sent
    this.playing = [];     // bytes and marks of the agent's, still to be heard
    this.heard = 0;        // bytes
    this.cleared = 0;
    this.frame = 0;
    socket.on('message', (data) => this.receive(JSON.parse(data)));
    this.send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    this.send({
      event: 'start', sequenceNumber: '1', streamSid: 'MZ1',
      start: {
        accountSid: 'AC1', streamSid: 'MZ1', callSid: 'CA1', tracks: ['inbound'], customParameters: {},
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      },
    });
    this.began = Date.now();
    this.timer = setInterval(() => this.tick(), FRAME_MS);
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  receive(message) {
    if (message.event === 'media') {
      this.playing.push({ bytes: Buffer.from(message.media.payload, 'base64').length });
    } else if (message.event === 'mark') {
      this.playing.push({ mark: message.mark.name });
    } else if (message.event === 'clear') {
      this.cleared += 1;
      this.playing = this.playing.filter((one) => one.mark).map((one) => ({ ...one, bytes: 0 }));
      this.play(0);
    }
  }

  play(bytes) {
    while (this.playing.length) {
      const one = this.playing[0];
      if (one.mark === undefined) {
        const n = Math.min(bytes, one.bytes);
        one.bytes -= n;
        bytes -= n;
        this.heard += n;
        if (one.bytes) return;
      } else {
        this.send({ event: 'mark', streamSid: 'MZ1', mark: { name: one.mark } });
      }
      this.playing.shift();
    }
  }

  // As many frames as the clock says, so that a busy machine is no gap in the line.
  tick() {
    while (this.frame * FRAME_MS < Date.now() - this.began) {
      this.send({
        event: 'media', streamSid: 'MZ1',
        media: {
          track: 'inbound', chunk: `${this.frame + 1}`, timestamp: `${this.frame * FRAME_MS}`,
          payload: (this.speech.shift() ?? SILENCE).toString('base64'),
        },
      });
      this.frame += 1;
      this.play(FRAME);
    }
  }

  say(name) {
    const ulaw = fs.readFileSync(path.join(folder, name));
    for (let i = 0; i < ulaw.length; i += FRAME) {
      this.speech.push(Buffer.concat([ulaw.subarray(i, i + FRAME), SILENCE]).subarray(0, FRAME));
    }
  }

  hangUp() {
    clearInterval(this.timer);
    this.send({ event: 'stop', streamSid: 'MZ1', stop: { accountSid: 'AC1', callSid: 'CA1' } });
    this.socket.close();
  }
}

// Both ends of the Media Stream; the SDK gets the second.
async function mediaStream() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((done) => server.once('listening', done));
  const accepted = new Promise((done) => server.once('connection', done));
  const twilio = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  const ours = await accepted;
  await new Promise((done) => (twilio.readyState === WebSocket.OPEN ? done() : twilio.once('open', done)));
  return { server, twilio, ours };
}

// --- the call ------------------------------------------------------------------------------------

const asked = [];
const findAvailability = tool({
  name: 'findAvailability',
  description: 'Free times of a service.',
  parameters: {
    type: 'object', properties: { service: { type: 'string' } }, required: [], additionalProperties: true,
  },
  strict: false,
  execute: async (input) => {
    asked.push(input);
    return JSON.stringify(slots);
  },
});
const { server, twilio, ours } = await mediaStream();
const transport = new TwilioRealtimeTransportLayer({ twilioWebSocket: ours, url });
const agent = new RealtimeAgent({ name: 'Clara', instructions, tools: [findAvailability] });
const session = new RealtimeSession(agent, {
  transport,
  model: 'gpt-realtime-2.1',
  config: {
    audio: {
      input: {
        transcription: { model: 'gpt-transcribe', language: 'en' },
        turnDetection: {
          type: 'server_vad', silenceDurationMs: 500, createResponse: true, interruptResponse: true,
        },
      },
      output: { voice: 'marin' },
    },
  },
});
const events = [];
const errors = [];
let interrupted = 0;
const count = (type) => events.filter((event) => event.type === type).length;
session.on('transport_event', (event) => events.push(event));
session.on('error', (error) => errors.push(JSON.stringify(error)));
session.on('audio_interrupted', () => (interrupted += 1));

const phone = new Phone(twilio);
try {
  await session.connect({ apiKey: 'sk-judge' });
  await until('session.updated', () => count('session.updated') >= 1);
  const words = 'Lindenhof Clinic, how can I help you?';
  transport.requestResponse({ instructions: `Say exactly: "${words}"`, input: [] });
  await until('the greeting', () => count('response.done') >= 1 && phone.playing.length === 0);
  check('the greeting is heard', phone.heard > 8000, `${phone.heard} bytes`);

  phone.say('request');
  await until('the tool call', () => asked.length >= 1);
  check('the tool is asked for the service', asked[0].service === 'check-up', JSON.stringify(asked));
  const heard = phone.heard;
  await until('the follow-up', () => phone.heard > heard + 8 * 1200);
  phone.say('choice');
  await until('the interruption', () => interrupted >= 1);
  await until('the clear', () => phone.cleared >= 1);
  await until('the cut', () => count('conversation.item.truncated') >= 1);
  await until('the answer to the choice', () => count('response.done') >= 4);
  await until('both transcripts', () => count('conversation.item.input_audio_transcription.completed') >= 2);
  await until('both retrieved', () => count('conversation.item.retrieved') >= 3);

  const history = session.history.filter((item) => item.type === 'message').map((item) =>
    `${item.role}: ${item.content.map((part) => part.transcript ?? part.text ?? '').join(' ')}`);
  const said = (name, pattern, wanted = true) =>
    check(name, history.some((line) => pattern.test(line)) === wanted, history.join(' | '));
  said('the history has what the caller asked for', /^user: .*thursday/i);
  said('the history has what the caller chose', /^user: .*first/i);
  said('the history has what was heard of the follow-up', /^assistant: I have/);
  said('the history has nothing that was not heard', /^assistant: .*suits you/, false);
  check('tokens are counted', session.usage.inputTokens > 0 && session.usage.outputTokens > 0, 'none');
} catch (why) {
  const last = events.map((event) => event.type).filter((type) => type !== 'twilio_message').slice(-16);
  check('the call goes on', false, `${why.message}; ${last.join(', ')}`);
}
check('there is no error', errors.length === 0 && count('error') === 0, errors.slice(0, 3).join(' '));
phone.hangUp();
await new Promise((done) => setTimeout(done, 200));
session.close();
server.close();
process.exit(0);
