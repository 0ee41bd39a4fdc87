import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import type { TestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

let postern: TestPostern;
let url: string;
const callers: Caller[] = [];

before(async () => {
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
  });
  url = postern.url('program');
});
after(async () => {
  await Promise.all(callers.map((caller) => caller.close()));
  await postern.stop();
});

/** A caller with a connection of its own that offers one group alone. */
async function callerWith(ecdhCurve: string): Promise<Caller> {
  const caller = await callerNamed(postern, null, { ecdhCurve });
  callers.push(caller);
  return caller;
}

const ping = (caller: Caller, session: Record<string, string>) =>
  send(caller.fetch, url, request(1, 'ping'), session);

test('R-02 R-04 R-05 R-11 allowed_algos governs new connections at once, and old ones by each call', async () => {
  const before768 = await callerWith('X25519MLKEM768');
  const before1024 = await callerWith('SecP384r1MLKEM1024');
  const session = await openSession(before768.fetch, url);
  const other = await openSession(before1024.fetch, url);
  assert.equal((await ping(before768, session)).status, 200);

  const connectivity = { allowed_algos: ['ML-KEM-1024', 'ML-DSA-65', 'ECDSA-P256-SHA256'] };
  await postern.applyPolicy({ p2p_connectivity: connectivity, ...ALLOW_ALL });

  // The link that is there still has the group of before: it carries no call any more.
  const refused = await ping(before768, session);
  assert.equal(refused.status, 403);
  assert.match(JSON.stringify(refused.message), /X25519MLKEM768 is not in allowed_algos/);
  assert.equal((await ping(before1024, other)).status, 200);

  // A new link with it is not made at all.
  const late = await callerWith('X25519MLKEM768');
  await assert.rejects(ping(late, session), { message: 'fetch failed' });
  await postern.logged(({ event }) => event === 'tls.handshake_refused');
  const strong = await callerWith('SecP384r1MLKEM1024');
  assert.equal((await ping(strong, session)).status, 200);

  await postern.applyPolicy({ ...ALLOW_ALL, version: 1 });
  assert.equal((await ping(before768, session)).status, 200);
  const again = await callerWith('X25519MLKEM768');
  assert.equal((await ping(again, session)).status, 200);
});

test('R-01 R-08 a link without ML-KEM is refused in the handshake', async () => {
  const weak = await callerWith('X25519');
  await assert.rejects(ping(weak, {}), { message: 'fetch failed' });
});
