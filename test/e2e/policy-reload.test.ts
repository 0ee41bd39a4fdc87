import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hostileServer } from '../hostile/support/programs.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import { ALLOW_ALL, isLoaded, startTestPostern } from '../support/postern.ts';
import type { TestPostern } from '../support/postern.ts';
import { errorCodeOf, initialize, openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';
import { stringify } from 'yaml';

/** For what the small one has not: calls that tell how they are getting on. */
const PROGRAM = { stdio: programAt('test/fixtures/stateful-stdio.ts') };

let postern: TestPostern;
let url: string;
let caller: Caller;

before(async () => {
  postern = await startTestPostern({ servers: { program: PROGRAM, small: hostileServer() } });
  url = postern.url('small');
  caller = await callerNamed(postern, null);
});
after(async () => {
  await caller.close();
  await postern.stop();
});

let rounds = 0;

/** A policy unlike every other that allows whoever it is these tools. */
function allowing(...tools: string[]): object {
  rounds += 1;
  const principals = ['anonymous'];
  return { rules: [{ id: `round-${rounds}`, effect: 'allow', principals, tools }] };
}

/** Calls a tool in a session; the code of the error, `undefined` when it was allowed. */
async function tried(session: Record<string, string>, name: string): Promise<unknown> {
  const args = name === 'echo' ? { text: 'x' } : {};
  const call = request(++rounds, 'tools/call', { name, arguments: args });
  return errorCodeOf(await send(caller.fetch, url, call, session));
}

function alerts(event: string): readonly Record<string, unknown>[] {
  return postern.log().filter((line) => line['event'] === event && line['level'] === 'alert');
}

test('R-11 R-05 a new policy governs sessions and connections that exist', async () => {
  await postern.applyPolicy(allowing('echo', 'measure'));
  const session = await openSession(caller.fetch, url);
  assert.deepEqual(await tried(session, 'measure'), undefined);
  await postern.applyPolicy(allowing('echo'));
  assert.equal(await tried(session, 'measure'), -32003);
  assert.equal(await tried(session, 'echo'), undefined);
  await postern.applyPolicy(allowing('measure'));
  assert.equal(await tried(session, 'measure'), undefined);
  assert.equal(await tried(session, 'echo'), -32003);
});

test('R-11 R-05 the policy takes effect while a call is under way, for the next ones', async () => {
  await postern.applyPolicy(allowing('wait', 'journal'));
  const peer = await caller.connect('program');
  const abort = new AbortController();
  const begun = Promise.withResolvers<void>();
  const waiting = peer.call(
    'wait',
    {},
    { signal: abort.signal, onprogress: () => begun.resolve() },
  );
  await begun.promise;
  await postern.applyPolicy(allowing('journal'));
  assert.match(JSON.stringify(await peer.call('journal')), /began/);
  abort.abort();
  await assert.rejects(waiting);
  await assert.rejects(peer.call('wait'), { code: -32003 });
  await peer.close();
});

test('R-11 an invalid policy changes nothing and alerts', async () => {
  await postern.applyPolicy(allowing('echo'));
  const session = await openSession(caller.fetch, url);
  const earlier = alerts('policy.invalid').length;
  await postern.writePolicy({ rules: [{ effect: 'alow', tools: ['*'] }] });
  await postern.logged(() => alerts('policy.invalid').length > earlier);
  const { fields } = alerts('policy.invalid').at(-1) as { fields: Record<string, string> };
  assert.match(fields['why'] ?? '', /policy\.yaml:\d+:\d+/);
  assert.equal(await tried(session, 'echo'), undefined);
  assert.equal(await tried(session, 'measure'), -32003);
  await postern.applyPolicy(allowing('measure'));
  assert.equal(await tried(session, 'measure'), undefined);
});

test('R-11 a policy under which a listener could not work changes nothing and alerts', async () => {
  await postern.applyPolicy(allowing('echo'));
  const earlier = alerts('policy.invalid').length;
  await postern.writePolicy({ p2p_connectivity: { allowed_algos: ['ML-KEM-512'] }, ...ALLOW_ALL });
  await postern.logged(() => alerts('policy.invalid').length > earlier);
  const session = await openSession(caller.fetch, url);
  assert.equal(await tried(session, 'echo'), undefined);
  assert.equal(await tried(session, 'measure'), -32003);
});

test('R-11 a policy that vanishes changes nothing and alerts', async () => {
  await postern.applyPolicy(allowing('echo'));
  const session = await openSession(caller.fetch, url);
  const earlier = alerts('policy.absent').length;
  await rm(join(postern.directory, 'policy.yaml'));
  await postern.logged(() => alerts('policy.absent').length > earlier);
  assert.equal(await tried(session, 'echo'), undefined);
  assert.equal(await tried(session, 'measure'), -32003);
});

test('R-11 SIGHUP reads a policy whose change nobody could watch', async () => {
  const elsewhere = join(postern.directory, 'elsewhere');
  await mkdir(elsewhere);
  const target = join(elsewhere, 'policy.yaml');
  const first = stringify(allowing('echo'));
  await writeFile(target, first);
  const link = join(postern.directory, 'link');
  await symlink(target, link);
  await rename(link, join(postern.directory, 'policy.yaml'));
  await postern.logged(isLoaded(first));
  const session = await openSession(caller.fetch, url);
  assert.equal(await tried(session, 'echo'), undefined);
  // The watch is on the directory of the link, so this goes unnoticed.
  const second = stringify(allowing('measure'));
  await writeFile(target, second);
  postern.process.kill('SIGHUP');
  await postern.logged(isLoaded(second));
  assert.equal(await tried(session, 'measure'), undefined);
  assert.equal(await tried(session, 'echo'), -32003);
});

for (const [what, settings] of [
  ['that is missing', { policy: null }],
  ['that is invalid from the start', { policy: { rules: 'all of them' } }],
] as const) {
  test(`R-11 under a policy ${what} every call is denied with 403`, async () => {
    const closed = await startTestPostern({ servers: { program: PROGRAM }, ...settings });
    const nobody = await callerNamed(closed, null);
    const alice = await callerNamed(closed, 'alice');
    for (const { fetch } of [nobody, alice]) {
      const answer = await send(fetch, closed.url('program'), initialize());
      assert.deepEqual([answer.status, errorCodeOf(answer)], [403, -32003]);
      assert.match(
        JSON.stringify(answer.message),
        /no (valid policy is in force|rule allows this server)/,
      );
    }
    const alerted = closed.log().filter((line) => line['level'] === 'alert');
    assert.match(JSON.stringify(alerted), /every call is denied/);
    await Promise.all([nobody.close(), alice.close()]);
    await closed.stop();
  });
}
