/** One Postern behind another: the far one wants its client's name proven twice on the same channel. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { issueClient, writeClientFiles } from '#identity';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

let home: string;
let far: TestPostern;
let near: TestPostern;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'postern-second-'));
  far = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
    listeners: [
      {
        name: 'main',
        address: '127.0.0.1:0',
        tls: { client_certificates: 'required', second_proof: 'required' },
      },
    ],
  });
  const ca = join(home, 'ca.crt');
  await writeFile(ca, far.ca);
  const first = await clientFiles('edge', 'ML-DSA-65', 'first');
  const remote = (more: object): object => ({
    http: { url: far.url('program'), tls: { ca, client_certificate: first, ...more } },
  });
  near = await startTestPostern({
    servers: {
      once: remote({}),
      twice: remote({ second_certificate: await clientFiles('edge', 'ECDSA-P256', 'second') }),
      other: remote({ second_certificate: await clientFiles('other', 'ECDSA-P256', 'third') }),
    },
  });
});
after(async () => {
  await near.stop();
  await far.stop();
  await rm(home, { recursive: true });
});

async function clientFiles(name: string, algorithm: 'ML-DSA-65' | 'ECDSA-P256', where: string) {
  const issued = await issueClient(far.stateDir, name, { algorithm });
  const { certificateFile, keyFile } = await writeClientFiles(join(home, where), issued);
  return { certificate: certificateFile, key: keyFile };
}

test('R-13 R-04 two proofs of one name on one channel are taken, and both are in the record', async (t) => {
  const caller = await callerNamed(near, null);
  t.after(() => caller.close());
  const session = await openSession(caller.fetch, near.url('twice'));
  const { status } = await send(caller.fetch, near.url('twice'), request(1, 'ping'), session);
  assert.equal(status, 200);
  const entry = (await far.record()).at(-1);
  assert.equal(entry?.client.principal, 'edge');
  assert.equal(entry?.client.link?.['peer_signature'], 'ML-DSA-65');
  assert.equal(entry?.client.link?.['second_peer_signature'], 'ECDSA-P256-SHA256');
});

for (const [server, why, reason] of [
  ['once', 'one proof is not enough', /header postern-channel-proof is missing/],
  ['other', 'a second proof of another name is refused', /not of the same identity/],
] as const) {
  test(`R-13 ${why}`, async (t) => {
    const caller = await callerNamed(near, null);
    t.after(() => caller.close());
    const answer = await send(caller.fetch, near.url(server), request(1, 'ping'));
    assert.notEqual(errorCodeOf(answer), undefined);
    await far.logged(({ event, msg }) => event === 'request.rejected' && reason.test(String(msg)));
  });
}
