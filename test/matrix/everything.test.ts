import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { EVERYTHING_FAILURES, EVERYTHING_SCENARIO } from '../support/everything-scenario.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import { EVERYTHING, http, stdio } from '../support/transports.ts';

let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  // Bridged, a client that tries the newest revision first would get that one.
  postern = await startTestPostern({
    servers: { everything: { stdio: EVERYTHING, bridge: 'off' } },
  });

  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
});

const through = (generation: 1 | 2): object =>
  http(generation, postern.url('everything'), link.fetch);

const clients = [
  ['the client of SDK 1.x', 1, connectV1],
  ['the client of SDK 2.x', 2, connectV2],
  [
    'the client of SDK 2.x that tries the newest revision first',
    2,
    (transport: object) => connectV2(transport, { versionNegotiation: { mode: 'auto' } }),
  ],
] as const;

for (const [name, generation, connect] of clients) {
  test(`R-23 R-14 ${name} sees the same through the gateway`, async (t) => {
    const [direct, same] = await Promise.all([
      play(EVERYTHING_SCENARIO, connect(stdio(generation, EVERYTHING))),
      play(EVERYTHING_SCENARIO, connect(through(generation))),
    ]);
    assertWorked(direct, EVERYTHING_FAILURES);
    await assertSame(t, direct, same);
  });
}
