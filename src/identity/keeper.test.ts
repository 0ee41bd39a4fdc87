import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, mock, test } from 'node:test';
import type { PosternEvent } from '#lib';
import { until } from '../../test/support/until.ts';
import { createIdentity } from './create-identity.ts';
import type { GatewayIdentity } from './identity.ts';
import { ensureIdentity } from './identity.ts';
import { IdentityKeeper } from './keeper.ts';
import { daysMs } from './lifetimes.ts';
import { rotate, takeRootsOffline } from './rotation/change.ts';
import { LIFETIME_MS, temporaryDir } from './test-support.ts';
import { Workshop } from './workshop.ts';

const WANTED = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };

/** A state directory whose issuing CAs were made over a year ago. */
let aged: string;

before(async () => {
  aged = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  const workshop = new Workshop();
  const nowMs = Date.now() - daysMs(400);
  await createIdentity(aged, { trustDomain: 'example.org', nowMs }, workshop);
  workshop.close();
});

after(() => rm(aged, { recursive: true, force: true }));

test('R-21 issuing CAs are replaced by themselves after half of their life', async (t) => {
  const { keeper, state, named, applied } = await keep(t);
  const first = applied[0] ?? assert.fail('no identity');
  keeper.start();
  await until('the rotation is in force', () => named('identity.rotated').length > 0);
  const [now] = applied.slice(-1);
  assert.ok(now !== undefined && now.rotation.issuingMs > Date.now());
  assert.equal(now.caPem, first.caPem);
  assert.notEqual(now.credentials[0]?.leaf.issuer, first.credentials[0]?.leaf.issuer);
  assert.deepEqual(
    [
      named('identity.rotated')[0]?.severity,
      named('identity.rotated')[0]?.fields?.['roots_changed'],
    ],
    ['info', false],
  );

  // What a command does is adopted as well.
  await rotate(state, { roots: true, rootKeysDir: null });
  await until('it is adopted', () => named('identity.rotated').length > 1);
  assert.equal(named('identity.rotated')[1]?.fields?.['roots_changed'], true);
  assert.ok(applied.at(-1)?.caPem.endsWith(first.caPem));
  assert.deepEqual(named('identity.renewal_failed'), []);
});

test('R-21 the age at which issuing CAs are replaced can be set', async (t) => {
  const state = await temporaryDir(t);
  const { rotation: usual } = await ensureIdentity(state, WANTED);
  assert.ok(Math.abs(usual.issuingMs - Date.now() - daysMs(365)) < daysMs(1));
  const { rotation } = await ensureIdentity(state, { ...WANTED, issuingMaxAgeMs: daysMs(30) });
  assert.ok(Math.abs(rotation.issuingMs - Date.now() - daysMs(30)) < daysMs(1));
});

test('R-21 without the key of the root an alert tells the command, once a day', async (t) => {
  const { keeper, named, applied } = await keep(t, (state, safe) => takeRootsOffline(state, safe));
  keeper.start();
  await until('it is told', () => named('identity.rotation_due').length > 0);
  await keeper.renew();
  await keeper.stop();
  const alerts = named('identity.rotation_due');
  assert.deepEqual(
    alerts.map(({ severity, fields }) => [severity, fields]),
    [['alert', { command: 'postern ca rotate --root-keys <directory>' }]],
  );
  assert.equal(new Set(applied.map(({ generation }) => generation)).size, 1);
});

test('R-21 what was made by a clock that was ahead is renewed when the clock is right', async (t) => {
  const state = await temporaryDir(t);
  await ensureIdentity(state, WANTED);
  mock.timers.enable({ apis: ['Date'], now: Date.now() + daysMs(2) });
  const { keeper, applied } = keeperOf(t, state, await ensureIdentity(state, WANTED));
  mock.timers.reset();
  keeper.start();
  await until('it is renewed', () => applied.length > 1);
  const from = applied[1]?.credentials.map(({ leaf }) => leaf.validFromDate.getTime()) ?? [];
  assert.ok(Math.max(...from) <= Date.now());
});

interface Kept {
  readonly state: string;
  readonly keeper: IdentityKeeper;
  /** Identities that were in force, in their order. */
  readonly applied: readonly GatewayIdentity[];
  readonly named: (name: string) => readonly PosternEvent[];
}

/** A keeper, not started yet, of a copy of the aged state directory. */
async function keep(
  t: TestContext,
  prepare: (state: string, safe: string) => Promise<unknown> = () => Promise.resolve(),
): Promise<Kept> {
  const directory = await temporaryDir(t);
  const state = join(directory, 'state');
  await cp(aged, state, { recursive: true });
  await prepare(state, join(directory, 'safe'));
  return keeperOf(t, state, await ensureIdentity(state, WANTED));
}

function keeperOf(t: TestContext, state: string, identity: GatewayIdentity): Kept {
  const events: PosternEvent[] = [];
  const applied = [identity];
  const keeper = new IdentityKeeper(identity, {
    stateDir: state,
    wanted: WANTED,
    events: (event) => void events.push(event),
    apply: (renewed) => {
      applied.push(renewed);
      return Promise.resolve();
    },
  });
  t.after(() => keeper.stop());
  return { state, keeper, applied, named: (name) => events.filter((event) => event.name === name) };
}
