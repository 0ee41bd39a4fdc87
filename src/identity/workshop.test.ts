import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure, temporaryDir } from './test-support.ts';
import { Workshop } from './workshop.ts';

const LEAF = { names: [], lifetimeMs: 1000, nowMs: 0 };

test('what fails in the workshop is told, and it goes on working', async (t) => {
  const state = await temporaryDir(t);
  const workshop = new Workshop();
  t.after(() => workshop.close());
  const failed = failure('POSTERN_WORKSHOP_FAILED', /the identity is gone/);
  await assert.rejects(workshop.leaves(state, LEAF), failed);
  await assert.rejects(workshop.leaves(state, LEAF), failed);
});

test('a workshop that does not answer in time is ended', async (t) => {
  const workshop = new Workshop(1);
  t.after(() => workshop.close());
  const wanted = { trustDomain: 'example.org', nowMs: Date.now() };
  await assert.rejects(
    workshop.authorities(wanted),
    failure('POSTERN_WORKSHOP_FAILED', /took over 1 ms/),
  );
});
