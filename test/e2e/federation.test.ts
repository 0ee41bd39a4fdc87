import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { ANSWERS, connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { EVERYTHING, http, programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

/** One program twice: everything that two servers can have alike. */
const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');

let remote: StatefulHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
let peers: readonly Peer[];

before(async () => {
  remote = await startStatefulHttp();
  postern = await startTestPostern({
    servers: {
      one: { stdio: PROGRAM },
      two: { http: { url: remote.url }, alias: 'my_two' },
      everything: { stdio: EVERYTHING },
      apart: { stdio: PROGRAM, federated: false },
    },
    federation: {
      sets: { few: { tools: ['one__e*', 'my_two__echo'], resources: ['one+note://*'] } },
    },
  });
  link = pqFetch(postern);
  const url = `${postern.endpoint}/mcp`;
  peers = [await connectV1(http(1, url, link.fetch)), await connectV2(http(2, url, link.fetch))];
});
after(async () => {
  for (const peer of peers) await peer.close();
  await link.close();
  await postern.stop();
  await remote.close();
});

async function namesOf(peer: Peer): Promise<readonly string[]> {
  return (await peer.listTools()).tools.map(({ name }) => name);
}

test('R-23 one endpoint introduces itself with what all servers can do', () => {
  for (const peer of peers) {
    assert.deepEqual(peer.getServerCapabilities(), {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      logging: {},
      completions: {},
    });
    assert.equal((peer.getServerVersion() as { name: string }).name, 'postern');
    assert.match(peer.getInstructions() ?? '', /## one \(one__\*\)\n\nDo as the test says\./);
  }
});

test('R-23 tools, prompts and resources of all servers are listed, each with its server', async () => {
  for (const peer of peers) {
    const names = await namesOf(peer);
    assert.ok(names.includes('one__echo') && names.includes('my_two__echo'));
    assert.ok(names.includes('everything__get-sum'));
    assert.ok(!names.some((name) => name.startsWith('apart')));
    const uris = (await peer.listResources()).resources.map(({ uri }) => uri);
    assert.ok(uris.includes('one+note://one') && uris.includes('my.two+note://one'));
    const prompts = JSON.stringify(await peer.listPrompts());
    assert.match(prompts, /"one__greet".*"my_two__greet"/);
    assert.match(JSON.stringify(await peer.listResourceTemplates()), /everything\+demo:\/\/.*\{/);
  }
});

test('R-23 two servers with the same tool: each call goes to the one that it names', async () => {
  for (const peer of peers) {
    await peer.call('one__grow', { name: 'only-here' });
    assert.ok((await namesOf(peer)).includes('one__only-here'));
    assert.match(JSON.stringify(await peer.call('one__only-here')), /I am only-here/);
    assert.ok(!(await namesOf(peer)).includes('my_two__only-here'));
    assert.match(JSON.stringify(await peer.call('everything__get-sum', { a: 2, b: 5 })), /is 7/);
  }
});
