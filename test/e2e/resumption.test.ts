import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { Hold } from '../fixtures/stateful-server.ts';
import { newHold } from '../fixtures/stateful-server.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { Relay } from '../support/relay.ts';
import { startRelay } from '../support/relay.ts';
import { http } from '../support/transports.ts';
import { until } from '../support/until.ts';

/** Each call of `resume` waits for the hold of its own test. */
let hold: Hold;
let upstream: StatefulHttp;
/** Before the server, before the gateway. */
let nearServer: Relay;
let nearGateway: Relay;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  hold = newHold();
  const shared: Hold = {
    get released() {
      return hold.released;
    },
    release: () => hold.release(),
  };
  upstream = await startStatefulHttp({ hold: shared });
  nearServer = await startRelay(upstream.port);
  postern = await startTestPostern({
    servers: { remote: { http: { url: `http://127.0.0.1:${nearServer.port}/mcp` } } },
  });
  nearGateway = await startRelay(Number(new URL(postern.endpoint).port));
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
  await Promise.all([nearGateway.close(), nearServer.close()]);
  await upstream.close();
});

const SERVER = (): string => `http://127.0.0.1:${nearServer.port}/mcp`;
const GATEWAY = (): string => `https://127.0.0.1:${nearGateway.port}/servers/remote/mcp`;

/** How clients get there, and where their connection is cut. */
const ways = [
  ['directly', SERVER, () => nearServer],
  ['through the gateway, cut before it', GATEWAY, () => nearGateway],
  ['through the gateway, cut behind it', GATEWAY, () => nearServer],
] as const;

async function connect(t: TestContext, generation: 1 | 2, url: string): Promise<Peer> {
  const through = url.startsWith('https') ? link.fetch : fetch;
  const transport = http(generation, url, through);
  const peer = await (generation === 1 ? connectV1 : connectV2)(transport);
  t.after(() => peer.close());
  return peer;
}

for (const generation of [1, 2] as const) {
  for (const [how, url, relay] of ways) {
    const client = `SDK ${generation}.x`;

    test(`R-23 ${client} takes a call up again, ${how}`, async (t) => {
      hold = newHold();
      const peer = await connect(t, generation, url());
      const call = peer.call('resume', {}, { onprogress: () => {} });
      await until('the call has begun', () => peer.progress.length === 1);
      relay().cut();
      hold.release();
      assert.match(JSON.stringify(await call), /resumed/);
      const steps = peer.progress.map(({ progress }) => progress);
      assert.deepEqual(steps, [1, 2, 3]);
    });

    test(`R-23 ${client} takes the stream of its session up again, ${how}`, async (t) => {
      const peer = await connect(t, generation, url());
      await upstream.touch('note://one');
      await peer.hears('notifications/resources/updated', 1);
      relay().cut();
      await upstream.touch('note://two');
      await peer.hears('notifications/resources/updated', 2);
      const uris = peer.heard.map(({ params }) => (params as { uri: string }).uri);
      assert.deepEqual(uris, ['note://one', 'note://two']);
    });
  }

  test(`R-23 SDK ${generation}.x comes back to a call whose stream the server closed`, async (t) => {
    const peer = await connect(t, generation, GATEWAY());
    const result = await peer.call('poll', {}, { onprogress: () => {} });
    assert.match(JSON.stringify(result), /polled/);
    assert.deepEqual(
      peer.progress.map(({ progress }) => progress),
      [1, 2],
    );
  });
}
