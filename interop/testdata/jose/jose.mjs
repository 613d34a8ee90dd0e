// Does with the npm package jose what is asked for on standard input, a line of JSON each time, and answers likewise.
import { webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';

globalThis.crypto ??= webcrypto; // Node.js 18
const jose = await import('jose');

const sets = new Map(); // as a service has them: one for each address, which keeps its keys for a while

const answers = {
  async verify({ url, token, options }) {
    if (!sets.has(url)) sets.set(url, jose.createRemoteJWKSet(new URL(url), { cooldownDuration: 0 }));
    const { payload, protectedHeader } = await jose.jwtVerify(token, sets.get(url), options);
    return { payload, header: protectedHeader };
  },
  async verifySecret({ secret, token, options }) {
    const { payload, protectedHeader } = await jose.jwtVerify(token, Buffer.from(secret, 'hex'), options);
    return { payload, header: protectedHeader };
  },
  async sign({ alg, kid, claims, secret }) {
    const jwt = new jose.SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' });
    if (secret) return { token: await jwt.sign(Buffer.from(secret, 'hex')) };
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true, ...(alg === 'EdDSA' && { crv: 'Ed25519' }) });
    return { token: await jwt.sign(privateKey), key: await jose.exportSPKI(publicKey) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...request } = JSON.parse(line);
  let answer;
  try {
    answer = await answers[command](request);
  } catch (err) {
    answer = { error: err.code ?? err.name, message: err.message };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
