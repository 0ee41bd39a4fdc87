/** postern.yaml changes under a running gateway, which is told to read it again. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { groupNegotiated } from '../support/clients.ts';
import { rolloutStep } from '../support/control.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';

interface Config {
  [key: string]: unknown;
  listeners: { tls?: object }[];
}

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
  });
});
after(() => postern.stop());

const BOTH = 'X25519MLKEM768:SecP384r1MLKEM1024';

/** Changes the file and waits until the gateway has told of it. */
async function change(text: (config: Config) => string, event: string): Promise<unknown> {
  const file = join(postern.directory, 'postern.yaml');
  const count = (): number => postern.log().filter((line) => line['event'] === event).length;
  const earlier = count();
  await writeFile(file, text(parse(await readFile(file, 'utf8')) as Config));
  postern.process.kill('SIGHUP');
  await postern.logged(() => count() > earlier);
  return postern.log().findLast((line) => line['event'] === event)?.['fields'];
}

test('R-02 R-05 a listener gets another profile, of the file’s own, without a restart', async () => {
  assert.equal(await groupNegotiated(postern, { ecdhCurve: BOTH }), 'X25519MLKEM768');
  await change((config) => {
    config['profiles'] = { next: { groups: ['SecP384r1MLKEM1024'] } };
    config.listeners = [{ ...config.listeners[0], tls: { profile: 'next' } }];
    return stringify(config);
  }, 'config.reloaded');
  assert.equal(await groupNegotiated(postern, { ecdhCurve: BOTH }), 'SecP384r1MLKEM1024');
});

test('R-05 a rollout ends when the file names another profile', async () => {
  await rolloutStep(postern, 'start', { profile: 'strict', percent: 0 });
  await change((config) => {
    config.listeners = [{ ...config.listeners[0], tls: { profile: 'hybrid' } }];
    return stringify(config);
  }, 'rollout.superseded');
  assert.equal(await groupNegotiated(postern, { ecdhCurve: BOTH }), 'X25519MLKEM768');
});

test('R-05 a file that cannot be used changes nothing and alerts', async () => {
  await change(() => 'version: 1\nlisteners: [', 'config.not_reloaded');
  assert.equal(await groupNegotiated(postern, { ecdhCurve: BOTH }), 'X25519MLKEM768');
});
