/** Clients that have more than one stream of their session open. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { readEvents } from '../support/event-reader.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
  });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
});

for (const [where, path, prefix, toolPrefix] of [
  ['a program', '/servers/program/mcp', '', ''],
  ['many servers', '/mcp', 'program+', 'program__'],
] as const) {
  test(`R-23 ${where}: a second stream takes the messages over and does not end the first`, async () => {
    const url = `${postern.endpoint}${path}`;
    const session = {
      ...(await openSession(link.fetch, url)),
      'mcp-protocol-version': '2025-11-25',
    };
    const uri = `${prefix}note://one`;
    await send(link.fetch, url, request(2, 'resources/subscribe', { uri }), session);
    const listen = () => readEvents(link.fetch, url, null, session);
    const [first, second] = [await listen(), await listen()];
    let firstHas = 'nothing';
    const ofFirst = (async () => {
      firstHas = (await first.next()) === null ? 'end' : 'message';
    })();
    const touch = { name: `${toolPrefix}touch`, arguments: { uri: 'note://one' } };
    for (const id of [3, 4]) {
      await send(link.fetch, url, request(id, 'tools/call', touch), session);
      const told = (await second.next())?.message;
      assert.deepEqual(told?.['params'], { uri });
    }
    assert.equal(firstHas, 'nothing');
    await second.cut();
    await ofFirst;
    assert.equal(firstHas, 'end');
    await send(link.fetch, url, null, session, 'DELETE');
  });
}
