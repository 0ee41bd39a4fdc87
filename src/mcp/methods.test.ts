import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFrame } from './frame.ts';
import { checkMethod } from './methods.ts';
import type { Revision } from './revisions.ts';
import { REVISION_NAMES, revisionByName } from './revisions.ts';

const limits = { maxBytes: 65_536, maxDepth: 64, maxKeys: 1000 };

function message(method: string, id?: number) {
  return readFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method })), limits);
}

test('R-23 requests of the stateful era are not found in the stateless one, and are in their own', () => {
  const revisions = REVISION_NAMES.map((name) => revisionByName(name) as Revision);
  for (const revision of revisions) {
    for (const method of ['initialize', 'ping', 'resources/subscribe', 'tasks/result']) {
      const check = (): void => checkMethod(revision, message(method, 1));
      if (revision.era === 'stateful') check();
      else assert.throws(check, { code: 'POSTERN_METHOD_NOT_IN_REVISION', rpcCode: -32601 });
    }
    checkMethod(revision, message('tools/call', 1));
    checkMethod(revision, message('x-vendor/anything', 1));
    checkMethod(revision, message('notifications/initialized'));
  }
});
