import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import { makeAuthorities } from '../make-identity.ts';
import { failure, temporaryDir } from '../test-support.ts';
import { enterIssued, readLedger } from './ledger.ts';

const SPIFFE_ID = 'spiffe://example.org/client/agent';
const MIB = 1024 * 1024;

let certificate: X509Certificate;

before(async () => {
  const { chains } = await makeAuthorities({ trustDomain: 'example.org', nowMs: Date.now() });
  certificate = chains[0]?.issuing.certificate ?? assert.fail('no chain');
});

test('R-13 what was issued is in the ledger, in its order', async (t) => {
  const { state, path } = await newState(t);
  assert.deepEqual(await readLedger(state), []);
  await Promise.all(['a', 'b', 'c'].map((name) => enter(state, name)));
  const entries = await readLedger(state);
  assert.deepEqual(entries.map(({ name }) => name).toSorted(), ['a', 'b', 'c']);
  assert.deepEqual(entries[0], {
    name: entries[0]?.name,
    spiffe_id: SPIFFE_ID,
    serial: certificate.serialNumber,
    chain: 'pq',
    fingerprint256: certificate.fingerprint256,
    not_before: certificate.validFromDate.toISOString(),
    not_after: certificate.validToDate.toISOString(),
    issued_at: entries[0]?.issued_at,
  });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('a line that a crash cut short counts for nothing, and the next one is whole', async (t) => {
  const { state, path } = await newState(t);
  await enter(state, 'a');
  await appendFile(path, '{"name":"b","spiffe');
  assert.equal((await readLedger(state)).length, 1);
  await enter(state, 'c');
  assert.deepEqual(
    (await readLedger(state)).map(({ name }) => name),
    ['a', 'c'],
  );
});

test('a ledger that was tampered with is refused, with the number of the line', async (t) => {
  const { state, path } = await newState(t);
  await enter(state, 'a');
  const good = await readFile(path, 'utf8');
  for (const bad of ['', '{}', 'null', '[1]', good.trim().replace('"pq"', '7'), '\u0000']) {
    await writeFile(path, `${good}${bad}\n`);
    await assert.rejects(
      readLedger(state),
      failure('POSTERN_IDENTITY_LEDGER_INVALID', /line 2 of .*issued\.jsonl/),
    );
  }
});

test('what has expired is dropped when the ledger grows', async (t) => {
  const { state, path } = await newState(t);
  await enter(state, 'a');
  const line = await readFile(path, 'utf8');
  const expired = line.replace(/"not_after":"[^"]*"/, '"not_after":"2020-01-01T00:00:00.000Z"');
  const times = Math.floor(MIB / expired.length);
  await writeFile(path, expired.repeat(times), { mode: 0o600 });
  await enter(state, 'b');
  await enter(state, 'c');
  const names = (await readLedger(state)).map(({ name }) => name);
  assert.ok(names.length <= 2 && names.at(-1) === 'c', names.join());
});

test('a full ledger takes more once something in it has expired', async (t) => {
  const { state, path } = await newState(t);
  await enter(state, 'a');
  const short = await readFile(path, 'utf8');
  const entry = JSON.parse(short) as Record<string, string>;
  // Long ones, so that there are few.
  entry['spiffe_id'] = `${SPIFFE_ID}/${'x'.repeat(2000)}`;
  const line = `${JSON.stringify(entry)}\n`;
  const lines = line.repeat(Math.floor((32 * MIB) / line.length));
  const full = lines + short.repeat(Math.floor((32 * MIB - lines.length) / short.length));
  await writeFile(path, full, { mode: 0o600 });
  await assert.rejects(enter(state, 'b'), failure('POSTERN_IDENTITY_LEDGER_FULL'));
  const expired = line.replace(/"not_after":"[^"]*"/, '"not_after":"2020-01-01T00:00:00.000Z"');
  await writeFile(path, expired + full.slice(line.length));
  await enter(state, 'b');
  assert.equal((await readLedger(state)).at(-1)?.name, 'b');
});

async function newState(t: TestContext): Promise<{ state: string; path: string }> {
  const state = await temporaryDir(t);
  await mkdir(join(state, 'identity'), { mode: 0o700 });
  return { state, path: join(state, 'identity/issued.jsonl') };
}

function enter(state: string, name: string): Promise<void> {
  return enterIssued(state, 'pq', name, SPIFFE_ID, certificate, null);
}
