import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { SecretSource } from '#config';
import type { PosternEvent } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import { replaceFile } from '../../../test/support/replace-file.ts';
import { until } from '../../../test/support/until.ts';
import { isRunning } from '../stdio/fixtures/harness.ts';
import { Guardian } from '../stdio/guardian.ts';
import { Credentials } from './credentials.ts';

const TIMEOUT = { timeout: 30_000 };
const UNAVAILABLE = { code: 'POSTERN_UPSTREAM_CREDENTIAL_UNAVAILABLE' };

interface Fixture {
  readonly credentials: Credentials;
  readonly events: readonly PosternEvent[];
  readonly path: (name: string) => string;
}

/** Credentials with one header `X`, closed after the test. */
async function fixture(
  t: TestContext,
  source: (path: Fixture['path']) => SecretSource,
): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-credentials-'));
  const path = (name: string): string => join(directory, name);
  const events: PosternEvent[] = [];
  const guardian = new Guardian(() => undefined);
  const credentials = new Credentials({
    server: 'notes',
    use: 'header',
    sources: { X: source(path) },
    guardian,
    limits: DEFAULT_LIMITS,
    events: (event) => events.push(event),
  });
  t.after(async () => {
    await credentials.close();
    await guardian.close();
    await rm(directory, { recursive: true });
  });
  return { credentials, events, path };
}

/** A command of a shell. */
function script(text: string, refreshMs = 600_000): SecretSource {
  return { kind: 'command', command: ['/bin/sh', '-c', text], refreshMs, prefix: '' };
}

function whyOf(events: readonly PosternEvent[]): string {
  return String(events.find(({ name }) => name === 'credential.unusable')?.fields?.['why']);
}

test(
  'R-21 a file is read again when it changes; what is no header value leaves the last',
  TIMEOUT,
  async (t) => {
    const { credentials, events, path } = await fixture(t, (at) => {
      return { kind: 'file', file: at('token'), prefix: 'Bearer ' };
    });
    await credentials.start();
    assert.throws(() => credentials.current(), UNAVAILABLE);
    await replaceFile(path('token'), ' first-value \n');
    await until('the first value', () => events.length === 2);
    const first = credentials.current();
    assert.deepEqual(first, { X: 'Bearer first-value' });
    assert.equal(credentials.current(), first, 'the same object while nothing changes');
    await replaceFile(path('token'), 'two\nlines');
    await until('the alert', () => events.length === 3);
    assert.equal(credentials.current(), first);
    await replaceFile(path('token'), 'second-value');
    await until('the second value', () => events.length === 4);
    assert.deepEqual(credentials.current(), { X: 'Bearer second-value' });
    assert.deepEqual(
      events.map(({ severity, name }) => `${severity} ${name}`),
      [
        'alert credential.unusable',
        'info credential.rotated',
        'alert credential.unusable',
        'info credential.rotated',
      ],
    );
    assert.deepEqual(events[1]?.fields, { upstream: 'notes', header: 'X' });
    assert.doesNotMatch(JSON.stringify(events), /value"|two|lines|first-|second-/);
  },
);

test('a variable of the gateway’s environment', TIMEOUT, async (t) => {
  process.env['POSTERN_TEST_TOKEN'] = 'abcdef\n';
  t.after(() => delete process.env['POSTERN_TEST_TOKEN']);
  const variable = (name: string) => (): SecretSource => {
    return { kind: 'env', variable: name, prefix: '' };
  };
  const set = await fixture(t, variable('POSTERN_TEST_TOKEN'));
  await set.credentials.start();
  assert.deepEqual(set.credentials.current(), { X: 'abcdef' });
  assert.deepEqual(set.events, []);
  const unset = await fixture(t, variable('POSTERN_TEST_UNSET'));
  await unset.credentials.start();
  assert.throws(() => unset.credentials.current(), UNAVAILABLE);
  assert.match(whyOf(unset.events), /no environment variable POSTERN_TEST_UNSET/);
});

test(
  'R-21 a command is run again in time, and at once when the server refuses its value',
  TIMEOUT,
  async (t) => {
    const { credentials, events, path } = await fixture(t, (at) =>
      script(`echo run >> ${at('runs')}; wc -l < ${at('runs')}`, 600_000),
    );
    const runs = async (): Promise<number> => (await readFile(path('runs'), 'utf8')).length / 4;
    await credentials.start();
    assert.equal(credentials.current()['X'], '1');
    for (let refusals = 0; refusals < 50; refusals += 1) credentials.refused();
    await until('the next value', () => credentials.current()['X'] === '2');
    assert.equal(await runs(), 2, 'not once for each refusal');
    assert.deepEqual(
      events.map(({ name }) => name),
      ['credential.rotated'],
    );
    const often = await fixture(t, (at) =>
      script(`echo run >> ${at('runs')}; wc -l < ${at('runs')}`, 20),
    );
    await often.credentials.start();
    await until('the third run', () => often.credentials.current()['X'] === '3');
  },
);

test('what a command writes to stderr is logged, without what it printed', TIMEOUT, async (t) => {
  const { credentials, events } = await fixture(t, () =>
    script('echo s3cr3t; echo got s3cr3t for you >&2'),
  );
  await credentials.start();
  assert.equal(credentials.current()['X'], 's3cr3t');
  assert.deepEqual(
    events.map(({ name, message }) => [name, message]),
    [['upstream.stderr', 'got ••• for you']],
  );
});

test('a command that fails is told with its reason, and without its output', TIMEOUT, async (t) => {
  const cases: readonly (readonly [SecretSource, RegExp])[] = [
    [script('echo s3cr3t; exit 3'), /\/bin\/sh exited with code 3/],
    [script('echo s3cr3t; kill -9 $$'), /was ended by SIGKILL/],
    [script('while :; do echo s3cr3t s3cr3t s3cr3t; done'), /printed more than 16 KiB/],
    [script('echo'), /there is nothing in it/],
    [script('printf "s3cr3t\\001"'), /no legal value of header X/],
    [{ ...script(''), command: ['./absent-command', 's3cr3t'] } as SecretSource, /ENOENT/],
  ];
  for (const [source, reason] of cases) {
    const { credentials, events } = await fixture(t, () => source);
    await credentials.start();
    assert.throws(() => credentials.current(), UNAVAILABLE);
    assert.match(whyOf(events), reason);
    assert.doesNotMatch(JSON.stringify(events), /s3cr3t/);
  }
});

test(
  'a command that hangs ends with the gateway, and so does what it started',
  TIMEOUT,
  async (t) => {
    const { credentials, path } = await fixture(t, (at) =>
      script(`sleep 600 & echo $! $$ > ${at('pids')}; wait`),
    );
    const started = credentials.start();
    const pids = async (): Promise<number[]> => {
      const text = await readFile(path('pids'), 'utf8').catch(() => '');
      return text.endsWith('\n') ? text.trim().split(' ').map(Number) : [];
    };
    await until('it runs', async () => (await pids()).length === 2);
    await credentials.close();
    await started;
    for (const pid of await pids()) assert.equal(isRunning(pid), false);
  },
);
