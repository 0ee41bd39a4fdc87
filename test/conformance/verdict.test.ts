import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Report, Status } from './report.ts';
import { verdictOf } from './verdict.ts';

function report(status: Status): Report {
  return new Map([['ping', [{ id: 'pong', status, message: '' }]]]);
}

function part(paths: Readonly<Record<string, Status>>) {
  const reports = Object.entries(paths).map(([path, status]) => [path, report(status)] as const);
  return { title: '2025-11-25', reports: new Map(reports) };
}

const GAP = {
  part: '2025-11-25',
  path: 'Postern',
  scenario: 'ping',
  check: 'pong',
  reason: 'as it is',
};

test('R-23 conformance: a loss is unexpected unless a gap names it', () => {
  const lost = part({ direct: 'SUCCESS', Postern: 'FAILURE' });
  const [finding, ...more] = verdictOf([lost], []).unexpected;
  assert.equal(more.length, 0);
  const { path, loss } = finding ?? {};
  assert.deepEqual([path, loss?.scenario, loss?.check], ['Postern', 'ping', 'pong']);
  assert.deepEqual(verdictOf([lost], [GAP]), { unexpected: [], outdated: [] });
});

test('R-23 conformance: a gap that has closed is outdated, as is one elsewhere', () => {
  const kept = part({ direct: 'SUCCESS', Postern: 'SUCCESS' });
  assert.deepEqual(verdictOf([kept], [GAP]), { unexpected: [], outdated: [GAP] });
  const lost = part({ direct: 'SUCCESS', Postern: 'FAILURE' });
  const elsewhere = { ...GAP, path: 'Postern, TLS' };
  assert.deepEqual(verdictOf([lost], [elsewhere]).outdated, [elsewhere]);
  assert.equal(verdictOf([lost], [elsewhere]).unexpected.length, 1);
});

test('R-23 conformance: what does not pass without the gateway is found too', () => {
  const failing = part({ direct: 'WARNING', Postern: 'WARNING' });
  const { unexpected } = verdictOf([failing], []);
  assert.deepEqual(
    unexpected.map(({ path, loss }) => [path, loss.through]),
    [['direct', 'WARNING']],
  );
});
