// npm twilio's signatures. Usage: twilio_signatures.mjs QUESTIONS ANSWERS TOKEN: files of one JSON list each.
// {"sign": {url, params}} is answered with a signature, {"validate": {url, params, signature}} and
// {"body": {url, body, signature}} with true or false.
import { readFileSync, writeFileSync } from 'node:fs';

import twilio from 'twilio';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';

const [questions, answers, token] = process.argv.slice(2);

function answer(question) {
  if (question.sign) return getExpectedTwilioSignature(token, question.sign.url, question.sign.params);
  if (question.validate) {
    const { url, params, signature } = question.validate;
    return twilio.validateRequest(token, signature, url, params);
  }
  const { url, body, signature } = question.body;
  return twilio.validateRequestWithBody(token, signature, url, body);
}

const all = JSON.parse(readFileSync(questions, 'utf8')).map(answer);
writeFileSync(answers, JSON.stringify(all));
console.log(`ok ${all.length} questions`);
