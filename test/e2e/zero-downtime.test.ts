/**
 * Everything that decides a link changes under constant load, and no client that policy admits
 * notices. `POSTERN_SOAK=1` takes the full number of reloads.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runPostern } from '../support/cli.ts';
import { fingerprintShown } from '../support/clients.ts';
import { rolloutStep } from '../support/control.ts';
import type { Load } from '../support/load.ts';
import { startLoad } from '../support/load.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const RELOADS = process.env['POSTERN_SOAK'] === '1' ? 100 : 3;

let postern: TestPostern;
let load: Load;
before(async () => {
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
    profiles: { next: { groups: ['SecP384r1MLKEM1024', 'X25519MLKEM768'] } },
    // Load from one address would be slowed down.
    limits: { max_handshakes_per_second_per_source: 10_000, connection_drain_ms: 1000 },
    log: { level: 'info', format: 'json' },
  });
  load = await startLoad(postern, 'program');
});
after(() => postern.stop());

const count = (name: string): number => postern.log().filter(({ event }) => event === name).length;

async function command(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runPostern(...args, '--state', postern.stateDir);
  assert.equal(code, 0, stderr);
}

test(`R-05 ${RELOADS} reloads of policy and certificates`, async () => {
  const shown = new Set([await fingerprintShown(postern)]);
  for (let reload = 1; reload <= RELOADS; reload += 1) {
    const renewed = count('identity.renewed');
    const algorithms = reload % 2 === 0 ? {} : { allowed_algos: ['ML-KEM-768', 'ML-DSA-65'] };
    await postern.applyPolicy({
      ...ALLOW_ALL,
      p2p_connectivity: { enforce_pqc: true, ...algorithms },
      version: 1,
    });
    postern.process.kill('SIGHUP');
    await until('new certificates', () => count('identity.renewed') > renewed);
    shown.add(await fingerprintShown(postern));
    await load.more(2);
  }
  assert.equal(shown.size, RELOADS + 1);
});

test('R-05 a canary from 0 to 100 percent and its roll-back', async () => {
  for (const percent of [0, 10, 50, 100]) {
    await rolloutStep(postern, 'start', { profile: 'next', percent, sticky: false });
    await load.more(5);
  }
  await rolloutStep(postern, 'promote');
  await load.more(5);
  await rolloutStep(postern, 'rollback', { drain: true });
  await load.more(5);
});

test('R-05 R-21 new issuing CAs, new roots, and the end of the old ones', async () => {
  for (const step of [['rotate'], ['rotate', '--root'], ['retire']]) {
    const rotated = count('identity.rotated');
    await command('ca', ...step);
    await until('other authorities', () => count('identity.rotated') > rotated);
    await load.more(5);
    // Clients are given the new roots before the old ones end.
    await load.trust(await readFile(join(postern.stateDir, 'identity/ca.crt'), 'utf8'));
  }
});

test('R-05 not one call or handshake has failed', async () => {
  await load.stop();
  assert.deepEqual(
    postern.log().filter(({ event }) => event === 'tls.handshake_refused'),
    [],
  );
  assert.equal(count('rollout.rolled_back'), 1);
  assert.ok(load.answered() > 10 * RELOADS);
});
