import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossesOf } from './compare.ts';
import type { Check, Report, Status } from './report.ts';

function report(scenarios: Readonly<Record<string, readonly [string, Status][]>>): Report {
  const checks = ([id, status]: [string, Status]): Check => ({ id, status, message: `${id}!` });
  return new Map(Object.entries(scenarios).map(([name, all]) => [name, all.map(checks)]));
}

const DIRECT = report({
  ping: [['pong', 'SUCCESS']],
  headers: [
    ['reject', 'SUCCESS'],
    ['reject', 'SUCCESS'],
    ['retry', 'WARNING'],
    ['extra', 'SKIPPED'],
    ['broken', 'FAILURE'],
  ],
});

test('R-23 conformance: the same run loses nothing', () => {
  assert.deepEqual(lossesOf(DIRECT, DIRECT), []);
});

test('R-23 conformance: a run that does better loses nothing', () => {
  const better = report({
    ping: [['pong', 'SUCCESS']],
    headers: [
      ['broken', 'SUCCESS'],
      ['extra', 'SUCCESS'],
      ['reject', 'SUCCESS'],
      ['reject', 'SUCCESS'],
      ['retry', 'SUCCESS'],
    ],
    more: [['new', 'SUCCESS']],
  });
  assert.deepEqual(lossesOf(DIRECT, better), []);
});

test('R-23 conformance: each check that ends worse is found, also one of several with one id', () => {
  const worse = report({
    ping: [['pong', 'WARNING']],
    headers: [
      ['reject', 'SUCCESS'],
      ['reject', 'FAILURE'],
      ['retry', 'FAILURE'],
      ['extra', 'SKIPPED'],
      ['broken', 'FAILURE'],
    ],
  });
  assert.deepEqual(lossesOf(DIRECT, worse), [
    {
      scenario: 'ping',
      check: 'pong',
      direct: 'SUCCESS',
      through: 'WARNING',
      message: 'pong!',
    },
    {
      scenario: 'headers',
      check: 'reject',
      direct: 'SUCCESS',
      through: 'FAILURE',
      message: 'reject!',
    },
    {
      scenario: 'headers',
      check: 'retry',
      direct: 'WARNING',
      through: 'FAILURE',
      message: 'retry!',
    },
  ]);
});

test('R-23 conformance: what does not come up any more is lost, and what only fails now', () => {
  const { headers = [] } = Object.fromEntries(DIRECT);
  const other = new Map<string, readonly Check[]>([
    ['headers', [...headers, { id: 'id-echo', status: 'FAILURE', message: 'wrong id' }]],
  ]);
  assert.deepEqual(
    lossesOf(DIRECT, other).map(({ check, direct, through }) => [check, direct, through]),
    [
      ['pong', 'SUCCESS', 'absent'],
      ['id-echo', 'absent', 'FAILURE'],
    ],
  );
});
