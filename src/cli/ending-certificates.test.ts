import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { createAuthority } from '../../test/support/certificates.ts';
import { endsSoon, watchEnds } from './ending-certificates.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test('R-21 a certificate ends soon in its last two weeks, or in the last third of a short life', () => {
  const soon = (lifeDays: number, leftDays: number): boolean =>
    endsSoon(
      { validFromDate: new Date(0), validToDate: new Date(lifeDays * DAY_MS) },
      (lifeDays - leftDays) * DAY_MS,
    );
  assert.deepEqual([soon(90, 14.1), soon(90, 13.9), soon(90, -1)], [false, true, true]);
  assert.deepEqual([soon(9, 3.1), soon(9, 2.9)], [false, true]);
});

test('R-21 it is alerted at once and every day, until the next one is there', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
  const authority = await createAuthority('P-256');
  // Two days of life, whose last third are 16 hours.
  const issue = async (validForMs: number): Promise<X509Certificate> =>
    new X509Certificate((await authority.issue({ kind: 'P-256', validForMs })).certPem);
  const ending = await issue(12 * HOUR_MS);
  let leaf = ending;
  const told: PosternEvent[] = [];
  const list = () => [
    { shownBy: 'listener', name: 'main', leaf } as const,
    { shownBy: 'egress', name: 'notes', leaf } as const,
  ];
  t.after(watchEnds(list, (event) => void told.push(event)));
  const names = ['listener.certificate_ends_soon', 'egress.certificate_ends_soon'];
  assert.deepEqual(
    told.map(({ name }) => name),
    names,
  );
  assert.deepEqual(told[0]?.fields, {
    listener: 'main',
    fingerprint: ending.fingerprint256,
    not_after: ending.validToDate.toISOString(),
  });
  assert.match(told[0].message, /listener main ends soon/);
  t.mock.timers.tick(DAY_MS);
  assert.equal(told.length, 4);
  assert.match(told[3]?.message ?? '', /for notes has ended/);
  leaf = await issue(44 * HOUR_MS);
  t.mock.timers.tick(DAY_MS);
  assert.equal(told.length, 4);
});
