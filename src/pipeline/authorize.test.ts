import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Access, Revision } from '#mcp';
import { revisionByName } from '#mcp';
import { denialOf } from './authorize.ts';

const DENIED = { effect: 'deny', rules: ['no'], reason: 'denied by rule' } as const;

function revision(name: string): Revision {
  return revisionByName(name) ?? assert.fail('no such revision');
}

const OLD = revision('2025-11-25');
const NEW = revision('2026-07-28');

test('R-18 R-23 a denied resource is one that there is not, as each revision says it', () => {
  const uri = 'note://one';
  const read: readonly Access[] = [{ kind: 'resource', name: uri }];
  const listen: readonly Access[] = [{ kind: 'server' }, ...read];
  for (const accesses of [read, listen]) {
    const [old, current] = [OLD, NEW].map((each) => denialOf(accesses, DENIED, each));
    assert.deepEqual([old?.rpcCode, old?.details], [-32002, { uri }]);
    assert.deepEqual([current?.rpcCode, current?.details], [-32602, { uri }]);
    assert.equal(old?.code, 'POSTERN_ACCESS_DENIED');
  }
});

test('R-11 R-23 whatever else is denied has one code in every revision', () => {
  for (const kind of ['tool', 'prompt'] as const) {
    for (const each of [OLD, NEW]) {
      const { rpcCode, details } = denialOf([{ kind, name: 'x' }], DENIED, each);
      assert.deepEqual([rpcCode, details], [-32003, {}]);
    }
  }
  const unknown: Access = { kind: 'method', name: 'x', known: false };
  assert.equal(denialOf([unknown], { ...DENIED, rules: [] }, NEW).rpcCode, -32601);
});

test('R-10 a long URI is not said again', () => {
  const name = 'x'.repeat(5000);
  assert.deepEqual(denialOf([{ kind: 'resource', name }], DENIED, NEW).details, {});
});
