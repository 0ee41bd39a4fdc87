import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, ResponseFrame } from './frame.ts';
import { readFrame } from './frame.ts';
import { revisionOf } from './headers.ts';
import { checkMinimum, checkNegotiated } from './minimum.ts';
import type { Revision } from './revisions.ts';
import { OLDEST_REVISION, REVISION_NAMES, revisionByName } from './revisions.ts';

const limits = { maxBytes: 65_536, maxDepth: 64, maxKeys: 1000 };
const min = (name: string): Revision => revisionByName(name) as Revision;

function read(message: object): Frame {
  return readFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, ...message })), limits);
}

const initialize = (protocolVersion: unknown): Frame =>
  read({ method: 'initialize', params: { protocolVersion } });
const list = read({ method: 'tools/list' });
const answer = (protocolVersion: unknown): ResponseFrame =>
  read({ result: { protocolVersion } }) as ResponseFrame;

/** The code of the refusal with what it names as supported, `null` when there is none. */
function refusal(run: () => void): readonly unknown[] | null {
  try {
    run();
    return null;
  } catch (thrown) {
    const { rpcCode, details } = thrown as { rpcCode: number; details: Record<string, unknown> };
    return [rpcCode, details['supported'], details['requested']];
  }
}

function check(header: string | null, frame: Frame | null, oldest: string) {
  const headers = header === null ? {} : { 'mcp-protocol-version': header };
  return refusal(() => checkMinimum(headers, revisionOf(headers), frame, min(oldest)));
}

test('R-23 without a minimum every revision passes', () => {
  for (const name of REVISION_NAMES) {
    assert.equal(check(name, list, OLDEST_REVISION.name), null);
    assert.equal(check(null, initialize(name), OLDEST_REVISION.name), null);
    assert.equal(
      refusal(() => checkNegotiated(answer(name), OLDEST_REVISION)),
      null,
    );
  }
  assert.equal(check(null, list, OLDEST_REVISION.name), null);
});

test('R-23 a client that asks for an older revision is told which there are', () => {
  const newest = ['2025-11-25', '2026-07-28'];
  const refused = check(null, initialize('2025-06-18'), '2025-11-25');
  assert.deepEqual(refused, [-32602, newest, '2025-06-18']);
  assert.equal(check(null, initialize('2025-11-25'), '2025-11-25'), null);
  // What is no date, or a later one, is the server's to answer.
  for (const asked of ['1.0.0', '2099-12-31', 7, undefined]) {
    assert.equal(check(null, initialize(asked), '2025-11-25'), null);
  }
});

test('R-23 a request in an older revision is refused, also in one that it does not declare', () => {
  const newest = ['2025-06-18', '2025-11-25', '2026-07-28'];
  const oldest = '2025-06-18';
  assert.deepEqual(check('2025-03-26', list, oldest), [-32022, newest, '2025-03-26']);
  assert.deepEqual(check(null, list, oldest), [-32022, newest, '2025-03-26']);
  assert.deepEqual(check(null, null, oldest), [-32022, newest, '2025-03-26']);
  assert.deepEqual(check('2024-11-05', initialize('2025-11-25'), oldest)?.[0], -32022);
  assert.equal(check('2025-06-18', list, oldest), null);
  assert.equal(check(null, list, '2025-03-26'), null);
});

test('R-23 with a stateless minimum there is no initialize', () => {
  assert.equal(check(null, initialize('2026-07-28'), '2026-07-28')?.[0], -32602);
  assert.equal(check('2026-07-28', list, '2026-07-28'), null);
  assert.equal(check('2025-11-25', list, '2026-07-28')?.[0], -32022);
  assert.equal(check(null, list, '2026-07-28')?.[0], -32020);
});

test('R-23 a server must not choose an older revision either', () => {
  const refused = refusal(() => checkNegotiated(answer('2024-11-05'), min('2025-11-25')));
  assert.deepEqual(refused, [-32602, ['2025-11-25', '2026-07-28'], '2024-11-05']);
  for (const chosen of ['2025-11-25', 'newest', undefined]) {
    assert.equal(
      refusal(() => checkNegotiated(answer(chosen), min('2025-11-25'))),
      null,
    );
  }
  const failed = read({ error: { code: -32603, message: 'no' } }) as ResponseFrame;
  assert.equal(
    refusal(() => checkNegotiated(failed, min('2025-11-25'))),
    null,
  );
});
