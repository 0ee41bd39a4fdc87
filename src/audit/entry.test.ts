import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { anyCharacter } from '../../test/support/any-text.ts';
import { decodeEntry } from './decode.ts';
import { encodeEntry } from './encode.ts';
import { sampleEntry } from './entry.fixture.ts';
import { newCallId, sessionTag } from './id.ts';

const LINE_FEED = 0x0a;

test('R-19 an entry is one line, whatever its texts hold, and reads back as it was', () => {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 200 }),
    fc.constant('lone \ud800, \r\n\u2028'),
  );
  fc.assert(
    fc.property(text, text, fc.oneof(text, fc.integer()), (tool, principal, rpcId) => {
      const entry = sampleEntry();
      const changed = {
        ...entry,
        client: { ...entry.client, principal },
        mcp: { ...entry.mcp, tool, rpc_id: rpcId },
      };
      const line = encodeEntry(changed);
      assert.equal(line.indexOf(LINE_FEED), line.length - 1);
      assert.deepEqual(decodeEntry(line.subarray(0, -1)), changed);
    }),
  );
});

test('R-13 R-19 an entry tells by which token its caller was known', () => {
  const { client, ...entry } = sampleEntry();
  const token = {
    issuer: 'corp',
    subject: 'u-1',
    client_id: 'agent',
    binding: 'dpop' as const,
    id: '0123456789abcdef',
    algorithm: 'ML-DSA-65',
    quantum_safe: true,
  };
  const written = { ...entry, client: { ...client, token } };
  assert.deepEqual(decodeEntry(encodeEntry(written).subarray(0, -1)), written);
});

test('keys come in the same order whatever the order of the object', () => {
  const entry = sampleEntry();
  const reversed = Object.fromEntries(
    Object.entries(entry)
      .toReversed()
      .map(([key, value]) => [
        key,
        typeof value === 'object' && key !== 'upstream'
          ? Object.fromEntries(Object.entries(value).toReversed())
          : value,
      ]),
  ) as unknown as typeof entry;
  assert.deepEqual(encodeEntry(reversed), encodeEntry(entry));
});

test('a call that was refused before anything was known of it is recorded too', () => {
  const { client, decision, ...entry } = sampleEntry();
  const refused = {
    ...entry,
    client: { ...client, principal: null, spiffe_id: null, certificate_sha256: null },
    decision: { ...decision, effect: 'deny' as const, rules: [], policy: null },
    upstream: null,
    digests: { request: null, result: null },
    outcome: { status: 'denied' as const, code: 'POSTERN_ACCESS_DENIED', http_status: 403 },
  };
  assert.deepEqual(decodeEntry(encodeEntry(refused).subarray(0, -1)), refused);
});

test('what is no part of an entry does not reach the record', () => {
  const entry = { ...sampleEntry(), arguments: 'a body' };
  assert.ok(!encodeEntry(entry).includes('a body'));
});

test('a name as long as a message is cut and keeps its digest', () => {
  const entry = sampleEntry();
  const tool = 'a'.repeat(4 * 1024 * 1024);
  const rules = Array.from({ length: 2000 }, (_, index) => `rule-${index}`);
  const line = encodeEntry({
    ...entry,
    mcp: { ...entry.mcp, tool, rpc_id: '\u{1f600}'.repeat(10_000) },
    decision: { ...entry.decision, rules },
  });
  assert.ok(line.length < 16 * 1024, `${line.length} bytes`);
  const read = decodeEntry(line.subarray(0, -1));
  assert.match(read?.mcp.tool ?? '', /^a{256}… sha256:[0-9a-f]{64}$/);
  assert.equal(read?.decision.rules.at(-1), '… 1968 more');
  assert.equal(read?.id, entry.id);
});

test('a line that is no entry is refused', () => {
  const good = JSON.parse(encodeEntry(sampleEntry()).toString()) as Record<string, unknown>;
  const bad = [
    '',
    'null',
    '{"v":1',
    '[]',
    JSON.stringify({ ...good, v: 2 }),
    JSON.stringify({ ...good, extra: 1 }),
    JSON.stringify({ ...good, outcome: { status: 'fine', http_status: 200 } }),
    JSON.stringify({ ...good, client: null }),
  ];
  for (const line of bad) assert.equal(decodeEntry(Buffer.from(line)), undefined, line);
  const broken = encodeEntry(sampleEntry()).subarray(0, -1);
  broken[broken.indexOf('main')] = 0xff;
  assert.equal(decodeEntry(broken), undefined, 'not UTF-8');
});

test('call ids are UUIDv7 and sort in the order of their making', () => {
  const before = Date.now();
  const ids = Array.from({ length: 20_000 }, () => newCallId());
  assert.deepEqual(ids.toSorted(), ids);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  const time = Number.parseInt((ids[0] ?? '').replace('-', '').slice(0, 12), 16);
  assert.ok(time >= before && time <= Date.now());
});

test('a session’s tag tells sessions apart and is not its id', () => {
  assert.match(sessionTag('session-1'), /^[0-9a-f]{32}$/);
  assert.equal(sessionTag('session-1'), sessionTag('session-1'));
  assert.notEqual(sessionTag('session-1'), sessionTag('session-2'));
});
