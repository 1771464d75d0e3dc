// Google's Node authentication library against the metadata server of GCE_METADATA_HOST and the certificates
// of the origin in argv[2].
import { createPublicKey, createVerify } from 'node:crypto';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';

const [origin] = process.argv.slice(2);
const AUDIENCE = 'https://tools.example';

async function ok(name, check) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (e) {
    console.log(`not ok ${name}: ${String(e.stack ?? e).split('\n').slice(0, 3).join(' | ')}`);
  }
}

function must(condition, text) {
  if (!condition) throw new Error(text);
}

async function refused(promise, pattern) {
  const error = await promise.then(() => null, (e) => e);
  must(error, 'was accepted');
  must(pattern.test(error.message), error.message);
}

const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' });
const verifier = new OAuth2Client({
  endpoints: {
    oauth2FederatedSignonPemCertsUrl: `${origin}/oauth2/v1/certs`,
    oauth2FederatedSignonJwkCertsUrl: `${origin}/oauth2/v3/certs`,
  },
});
let token = '';

await ok('project and account', async () => {
  must((await auth.getProjectId()) === 'local-project', 'project');
  must((await auth.getCredentials()).client_email.includes('@'), 'account');
});

await ok('access token, kept while it is good', async () => {
  const client = await auth.getClient();
  const first = await client.getAccessToken();
  must(first.token && first.token === (await client.getAccessToken()).token, 'the same one');
  must(client.credentials.expiry_date > Date.now(), 'an expiry');
});

await ok('identity token, verified by certificates', async () => {
  const client = await auth.getIdTokenClient(AUDIENCE);
  const header = new Headers(await client.getRequestHeaders()).get('authorization');
  token = header.replace('Bearer ', '');
  const ticket = await verifier.verifyIdToken({ idToken: token, audience: AUDIENCE });
  const claims = ticket.getPayload();
  must(claims.email_verified === true && claims.email.includes('@'), JSON.stringify(claims));
  must(claims.iss === 'https://accounts.google.com', claims.iss);
});

await ok('identity token for another audience or changed is refused', async () => {
  await refused(verifier.verifyIdToken({ idToken: token, audience: 'https://else' }), /audience/);
  const [head, body, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const forged = Buffer.from(JSON.stringify({ ...claims, email: 'x@y' })).toString('base64url');
  const idToken = `${head}.${forged}.${signature}`;
  await refused(verifier.verifyIdToken({ idToken, audience: AUDIENCE }), /signature/i);
});

await ok('the same key as JWK', async () => {
  const { keys } = await (await fetch(`${origin}/oauth2/v3/certs`)).json();
  const [head, body, signature] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const key = createPublicKey({ key: keys.find((k) => k.kid === kid), format: 'jwk' });
  must(createVerify('RSA-SHA256').update(`${head}.${body}`).verify(key, signature, 'base64url'), 'signature');
});
