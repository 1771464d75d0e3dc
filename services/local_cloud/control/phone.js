'use strict';
// The browser's end of the line: 20 ms frames of mu-law at 8 kHz both ways over one WebSocket, and lines of JSON
// for what happens. A frame is 160 bytes.
const RATE = 8000, FRAME = 160;
const $ = (id) => document.getElementById(id);
let socket, audio, mic, playAt = 0;

function encode(sample) { // ITU-T G.711, mu-law
  const s = Math.max(-32635, Math.min(32635, Math.round(sample * 32767)));
  const sign = s < 0 ? 0x80 : 0;
  const m = Math.abs(s) + 132;
  let exponent = 7;
  for (let mask = 0x4000; exponent > 0 && !(m & mask); mask >>= 1) exponent--;
  return ~(sign | (exponent << 4) | ((m >> (exponent + 3)) & 0x0f)) & 0xff;
}

function decode(byte) {
  const b = ~byte & 0xff;
  const m = (((b & 0x0f) << 3) + 132 << ((b >> 4) & 7)) - 132;
  return (b & 0x80 ? -m : m) / 32768;
}

// Runs in the audio thread: averages the device's samples down to 8 kHz and posts frames.
const worklet = `registerProcessor('frames', class extends AudioWorkletProcessor {
  constructor() { super(); this.step = sampleRate / ${RATE}; this.at = 0; this.sum = 0; this.n = 0;
    this.frame = new Float32Array(${FRAME}); this.fill = 0; }
  process(inputs) {
    for (const s of inputs[0][0] || []) {
      this.sum += s; this.n++;
      if (++this.at < this.step) continue;
      this.at -= this.step;
      this.frame[this.fill++] = this.sum / this.n; this.sum = 0; this.n = 0;
      if (this.fill === ${FRAME}) { this.port.postMessage(this.frame.slice()); this.fill = 0; }
    }
    return true;
  }
});`;

async function startMic() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
  const node = new AudioWorkletNode(audio, 'frames');
  node.port.onmessage = ({ data }) => {
    $('level').value = Math.min(1, 4 * Math.sqrt(data.reduce((a, s) => a + s * s, 0) / data.length));
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(data, encode));
  };
  audio.createMediaStreamSource(stream).connect(node);
  mic = stream;
}

function play(bytes) { // a few frames ahead, so that a late one does not click
  const buffer = audio.createBuffer(1, bytes.length, RATE);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < bytes.length; i++) samples[i] = decode(bytes[i]);
  const source = audio.createBufferSource();
  source.buffer = buffer;
  source.connect(audio.destination);
  playAt = Math.max(playAt, audio.currentTime + 0.06);
  source.start(playAt);
  playAt += buffer.duration;
}

function line(kind, who, text, note) {
  const li = document.createElement('li'), b = document.createElement('b'), span = document.createElement('span');
  li.className = kind;
  b.textContent = who;
  span.textContent = text;
  if (note) {
    const i = document.createElement('i');
    i.className = 'cut';
    i.textContent = ' ' + note;
    span.append(i);
  }
  li.append(b, span);
  $('log').append(li);
  li.scrollIntoView({ block: 'nearest' });
}

function happening(h) {
  if (h.kind === 'event' && h.event.type === 'call.turn')
    line(h.event.data.role, h.event.data.role === 'agent' ? 'Agent' : 'You', h.event.data.text,
      h.event.data.interrupted ? '(interrupted)' : '');
  else if (h.kind === 'event' && h.event.type === 'call.tool')
    line('tool', 'Tool', `${h.event.data.name}: ${h.event.data.status}, ${h.event.data.latencyMs} ms`);
  else if (h.kind === 'event' && h.event.type === 'call.ended')
    line('note', 'Record', `${h.event.data.outcome || 'no outcome'}, ${(h.event.data.costMicroUsd / 1e6).toFixed(4)} USD`);
  else if (h.kind === 'ended' || h.kind === 'failed') {
    $('state').textContent = h.kind === 'ended' ? 'The call is over.' : `No call: ${h.detail}`;
    live(false);
  } else if (h.kind !== 'event') $('state').textContent = `${h.kind} ${h.detail || h.callSid || ''}`;
}

function live(on) {
  $('call').disabled = on;
  $('end').disabled = $('text').disabled = $('typed').querySelector('button').disabled = !on;
  if (!on && mic) {
    mic.getTracks().forEach((t) => t.stop());
    mic = null;
  }
}

function connect() {
  return new Promise((resolve, reject) => {
    socket = new WebSocket(`ws://${location.host}/phone/line`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('the local cloud does not answer'));
    socket.onclose = () => live(false);
    socket.onmessage = ({ data }) => (typeof data === 'string' ? happening(JSON.parse(data)) : play(new Uint8Array(data)));
  });
}

$('call').onclick = async () => {
  try {
    audio = audio || new AudioContext();
    await audio.resume();
    $('log').replaceChildren();
    if ($('mic').checked) await startMic();
    if (!socket || socket.readyState !== WebSocket.OPEN) await connect();
    socket.send(JSON.stringify({ do: 'call' }));
    live(true);
  } catch (e) {
    $('state').textContent = `No call: ${e.message}`;
  }
};
$('end').onclick = () => socket.send(JSON.stringify({ do: 'hang_up' }));
$('typed').onsubmit = (e) => {
  e.preventDefault();
  if (!$('text').value.trim()) return;
  socket.send(JSON.stringify({ do: 'say', text: $('text').value }));
  $('text').value = '';
};
