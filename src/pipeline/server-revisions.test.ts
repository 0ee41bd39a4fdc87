import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revision } from '#mcp';
import { OLDEST_REVISION, REVISION_NAMES, revisionByName } from '#mcp';
import { ServerRevisions } from './server-revisions.ts';

test('R-23 clients are told of the revisions that both the server and the listener have', () => {
  const known = new ServerRevisions();
  assert.deepEqual(known.of('a', OLDEST_REVISION), REVISION_NAMES);
  known.learn('a', { supportedVersions: ['2027-01-01', '2026-07-28', '2025-06-18'] });
  assert.deepEqual(known.of('a', OLDEST_REVISION), ['2025-06-18', '2026-07-28']);
  assert.deepEqual(known.of('a', revisionByName('2025-11-25') as Revision), ['2026-07-28']);
  assert.deepEqual(known.of('b', OLDEST_REVISION), REVISION_NAMES);
});

test('R-17 what a server claims can leave a client no less than it has', () => {
  const known = new ServerRevisions();
  for (const supportedVersions of [undefined, null, 'all', [], ['1900-01-01'], [{}, 7]]) {
    known.learn('a', { supportedVersions });
    assert.deepEqual(known.of('a', OLDEST_REVISION), REVISION_NAMES);
  }
});
