/** Subscriptions that were allowed, under a policy that denies what they are about. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import type { EventReader } from '../support/event-reader.ts';
import { readEvents } from '../support/event-reader.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, openSession, request, send } from '../support/raw.ts';

const NEW = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': NEW,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const headersOf = (method: string): Record<string, string> => ({
  'mcp-protocol-version': NEW,
  'mcp-method': method,
});

const ALL = { id: 'all', effect: 'allow', principals: ['anonymous'] };
const policyWith = (...rules: readonly object[]): object => ({
  p2p_connectivity: { enforce_pqc: false },
  rules: [ALL, ...rules],
});

let stateful: StatefulHttp;
let stateless: StatelessHttp;
let postern: TestPostern;

before(async () => {
  stateful = await startStatefulHttp();
  stateless = await startStatelessHttp(undefined, 'reject');
  postern = await startTestPostern({
    servers: { old: { http: { url: stateful.url } }, new: { http: { url: stateless.url } } },
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: 'off' }],
    policy: policyWith(),
  });
});
after(async () => {
  await postern.stop();
  await Promise.all([stateful.close(), stateless.close()]);
});

function listen(server: string, uri: string): Promise<EventReader> {
  const params = { _meta: META, notifications: { resourceSubscriptions: [uri] } };
  const message = request(1, 'subscriptions/listen', params);
  return readEvents(fetch, postern.url(server), message, headersOf('subscriptions/listen'));
}

/** Has the stateless server tell of a resource. */
async function announce(uri: string): Promise<void> {
  const params = { name: 'announce', arguments: { uri }, _meta: META };
  const headers = { ...headersOf('tools/call'), 'mcp-name': 'announce' };
  await send(fetch, postern.url('new'), request(2, 'tools/call', params), headers);
}

/** The next resource of which a stream tells; `null` when it has ended. */
async function nextUri(stream: EventReader): Promise<unknown> {
  for (let event = await stream.next(); event !== null; event = await stream.next()) {
    const { method, params } = event.message ?? {};
    if (method === 'notifications/resources/updated') return (params as { uri: unknown }).uri;
  }
  return null;
}

test('R-16 R-18 subscriptions end, and sessions hear no more of a resource, once it is denied', async () => {
  const session = {
    ...(await openSession(fetch, postern.url('new'), '2025-11-25')),
    'mcp-protocol-version': '2025-11-25',
  };
  for (const [id, uri] of ['note://one', 'note://two'].entries()) {
    const subscribe = request(id + 1, 'resources/subscribe', { uri });
    await send(fetch, postern.url('new'), subscribe, session);
  }
  const streams = [await listen('new', 'note://one'), await listen('old', 'note://one')];
  for (const stream of streams) {
    const told = (await stream.next())?.message?.['method'];
    assert.equal(told, 'notifications/subscriptions/acknowledged');
  }
  const own = await readEvents(fetch, postern.url('new'), null, session);
  await announce('note://one');
  await stateful.touch('note://one');
  for (const stream of [...streams, own]) assert.equal(await nextUri(stream), 'note://one');

  await postern.applyPolicy(
    policyWith({ ...ALL, id: 'no', effect: 'deny', resources: ['note://one'] }),
  );
  for (const stream of streams) assert.equal(await nextUri(stream), null);
  await announce('note://one');
  await announce('note://two');
  assert.equal(await nextUri(own), 'note://two');
  for (const server of ['new', 'old']) {
    const params = { _meta: META, notifications: { resourceSubscriptions: ['note://one'] } };
    const again = request(3, 'subscriptions/listen', params);
    const headers = headersOf('subscriptions/listen');
    const refused = await send(fetch, postern.url(server), again, headers);
    assert.equal(errorCodeOf(refused), -32602);
  }

  await postern.applyPolicy(policyWith({ ...ALL, id: 'none', effect: 'deny', servers: ['new'] }));
  assert.equal(await nextUri(own), null);
});
