import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import {
  JSON_SCENARIO,
  STATEFUL_FAILURES,
  STATEFUL_SCENARIO,
} from '../support/stateful-scenario.ts';
import { http, programAt, stdio } from '../support/transports.ts';
import type { PqTls } from './pq-tls.ts';
import { createPqTls } from './pq-tls.ts';

const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');

let trusted: PqTls;
let plain: StatefulHttp;
let tls: StatefulHttp;
let json: StatefulHttp;
let postern: TestPostern;
let toPostern: ReturnType<typeof pqFetch>;

before(async () => {
  trusted = await createPqTls();
  const ca = trusted.caFile;
  plain = await startStatefulHttp();
  json = await startStatefulHttp({ json: true });
  tls = await startStatefulHttp({ credential: await trusted.issue() });
  postern = await startTestPostern({
    servers: {
      plain: { http: { url: plain.url } },
      json: { http: { url: json.url } },
      tls: { http: { url: tls.url, tls: { ca } } },
      program: { stdio: PROGRAM },
    },
  });
  toPostern = pqFetch(postern);
});
after(async () => {
  await toPostern.close();
  await postern.stop();
  await Promise.all([plain.close(), json.close(), tls.close()]);
  await trusted.close();
});

const connects = { 1: connectV1, 2: connectV2 };

const servers = [
  ['plain HTTP', 'plain', STATEFUL_SCENARIO, (of: 1 | 2) => http(of, plain.url)],
  ['HTTPS with ML-DSA', 'tls', STATEFUL_SCENARIO, (of: 1 | 2) => http(of, tls.url, trusted.fetch)],
  ['HTTP that answers JSON', 'json', JSON_SCENARIO, (of: 1 | 2) => http(of, json.url)],
  ['stdio', 'program', STATEFUL_SCENARIO, (of: 1 | 2) => stdio(of, PROGRAM)],
] as const;

for (const generation of [1, 2] as const) {
  for (const [what, name, scenario, directly] of servers) {
    const title = `the client of SDK ${generation}.x, a stateful server over ${what}`;
    test(`R-23 R-01 ${title}: the same through the gateway`, async (t) => {
      const connect = connects[generation];
      const through = http(generation, postern.url(name), toPostern.fetch);
      const [direct, same] = await Promise.all([
        play(scenario, connect(directly(generation))),
        play(scenario, connect(through)),
      ]);
      assertWorked(
        direct,
        STATEFUL_FAILURES.filter((step) => step in scenario),
      );
      await assertSame(t, direct, same);
    });
  }
}
