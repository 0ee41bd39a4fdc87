/** A profile is tried out on a part of the clients, promoted, rolled back; all on running gateways. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { ListenerStatus } from '#gateway';
import { runPostern } from '../support/cli.ts';
import { groupNegotiated } from '../support/clients.ts';
import { rolloutStep } from '../support/control.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const SETTINGS = {
  servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
  profiles: { next: { groups: ['SecP384r1MLKEM1024'] } },
};

/** Many of the loopback network's addresses, each a client of its own. */
const SOURCES = Array.from({ length: 24 }, (_, index) => `127.0.0.${index + 2}`);

async function start(t: TestContext, settings: object = {}): Promise<TestPostern> {
  const postern = await startTestPostern({ ...SETTINGS, ...settings });
  t.after(() => postern.stop());
  return postern;
}

const groupOf = (
  postern: TestPostern,
  localAddress: string,
  ecdhCurve = 'X25519MLKEM768:SecP384r1MLKEM1024',
): Promise<string> => groupNegotiated(postern, { localAddress, ecdhCurve });

const groups = (postern: TestPostern): Promise<readonly string[]> =>
  Promise.all(SOURCES.map((source) => groupOf(postern, source)));

const trying = (percent: number) => ({ profile: 'next', percent });

/** By the command line, as operators do it. */
async function rollout(
  { stateDir }: TestPostern,
  ...args: readonly string[]
): Promise<ListenerStatus> {
  const { stdout, code } = await runPostern('rollout', ...args, '--state', stateDir, '--json');
  assert.equal(code, 0, stdout);
  const { listeners } = JSON.parse(stdout) as { listeners: readonly ListenerStatus[] };
  return listeners[0] ?? assert.fail('no listener');
}

test('R-05 a profile goes from no client to some, to all, and back', async (t) => {
  const postern = await start(t);
  const caller = await callerNamed(postern, null, { ecdhCurve: 'X25519MLKEM768' });
  t.after(() => caller.close());
  const session = await openSession(caller.fetch, postern.url('program'));
  const call = () => send(caller.fetch, postern.url('program'), request(1, 'tools/list'), session);

  await t.test('with 0 percent nobody gets it, and who would be refused is counted', async () => {
    const { report } = await rollout(postern, 'start', '--profile', 'next', '--percent', '0');
    assert.equal(report.canary?.profile, 'next');
    assert.deepEqual(new Set(await groups(postern)), new Set(['X25519MLKEM768']));
    assert.equal(await groupOf(postern, '127.0.0.2', 'X25519MLKEM768'), 'X25519MLKEM768');
    const { canary } = (await rolloutStep(postern, 'status')).report;
    assert.equal(canary?.clientsSeen, SOURCES.length + 1);
    assert.equal(canary?.clientsRefused, 1);
  });

  await t.test('with 50 percent some do, always the same', async () => {
    await rolloutStep(postern, 'start', trying(50));
    const first = await groups(postern);
    assert.deepEqual(new Set(first), new Set(['X25519MLKEM768', 'SecP384r1MLKEM1024']));
    assert.deepEqual(await groups(postern), first);
  });

  await t.test('promoted it is for all, while open connections go on', async () => {
    const { rollout: promoted, report } = await rolloutStep(postern, 'promote');
    assert.equal(promoted?.phase, 'promoted');
    assert.equal(report.stable.profile, 'next');
    assert.deepEqual(new Set(await groups(postern)), new Set(['SecP384r1MLKEM1024']));
    assert.equal((await call()).status, 200);
    const { stdout } = await runPostern('rollout', 'status', '--state', postern.stateDir);
    assert.match(stdout, /was promoted; write it into postern.yaml, which still says "hybrid"/);
  });

  await t.test('rolled back it is for nobody; asked to, old connections end', async () => {
    await rollout(postern, 'rollback');
    await rolloutStep(postern, 'drain');
    assert.deepEqual(new Set(await groups(postern)), new Set(['X25519MLKEM768']));
    const answer = await call();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('connection'), 'close');
    // The client may have had several; a new one stays.
    while ((await call()).headers.get('connection') === 'close');
    assert.equal((await rolloutStep(postern, 'status')).report.oldConnections, 0);
  });

  await t.test('a canary that refuses clients is rolled back by itself, and told of', async () => {
    const old = 'X25519MLKEM768';
    await rolloutStep(postern, 'start', trying(100));
    for (let client = 0; client < 3; client += 1) {
      const outcome = await groupOf(postern, '127.0.0.1', old);
      assert.equal(outcome, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE');
    }
    const isRolledBack = ({ event, level }: Record<string, unknown>): boolean =>
      event === 'rollout.rolled_back' && level === 'alert';
    await postern.logged(isRolledBack);
    assert.equal(await groupOf(postern, '127.0.0.1', old), old);
    const { rollout: ended, report } = await rolloutStep(postern, 'status');
    assert.equal(report.canary, null);
    assert.match(ended?.reason ?? '', /^100 % of its handshakes failed/);
  });

  await t.test('what makes no sense is refused with the reason', async () => {
    const step = (name: 'start' | 'promote' | 'rollback', input = {}) =>
      rolloutStep(postern, name, input);
    const refused = (message: RegExp) => ({ message });
    const absent = { profile: 'absent', percent: 5 };
    await assert.rejects(step('start', absent), refused(/there is no profile "absent"/));
    const present = { profile: 'hybrid', percent: 5 };
    await assert.rejects(step('start', present), refused(/"hybrid" is in force already/));
    await assert.rejects(step('promote'), refused(/nothing is being tried out/));
    await assert.rejects(step('rollback'), refused(/nothing to roll back/));
    const elsewhere = { ...trying(5), listener: 'other' };
    await assert.rejects(step('start', elsewhere), refused(/no listener "other"/));
    const wrong = await runPostern('rollout', 'start', '--profile', 'next', '--percent', '101');
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /not between 0 and 100/);
    const nowhere = join(postern.directory, 'none');
    const nobody = await runPostern('rollout', 'status', '--state', nowhere);
    assert.equal(nobody.code, 69);
    assert.match(nobody.stderr, /no gateway answers/);
  });
});

test('R-05 a rollout survives a restart, on trial and promoted', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'postern-rollouts-'));
  t.after(() => rm(home, { recursive: true }));
  const state = { state_dir: join(home, 'state') };
  const first = await startTestPostern({ ...SETTINGS, ...state });
  await rolloutStep(first, 'start', trying(100));
  await first.stop();

  const second = await startTestPostern({ ...SETTINGS, ...state });
  assert.equal(await groupOf(second, '127.0.0.1'), 'SecP384r1MLKEM1024');
  assert.equal((await rolloutStep(second, 'promote')).rollout?.phase, 'promoted');
  await second.stop();

  const third = await startTestPostern({ ...SETTINGS, ...state });
  const { report, rollout: kept } = await rolloutStep(third, 'status');
  assert.equal(report.stable.profile, 'next');
  assert.equal(kept?.phase, 'promoted');
  await third.stop();
});
