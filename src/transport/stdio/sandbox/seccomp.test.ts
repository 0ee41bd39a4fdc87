import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seccompFilter } from './seccomp.ts';

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const NEW_USER = 0x1000_0000;

/** What the kernel would do with the filter (seccomp(2)). */
function verdict(
  filter: Buffer,
  call: { readonly audit: number; readonly number: number; readonly flags?: number },
): number {
  const data = new Map([
    [0, call.number],
    [4, call.audit],
    [16, call.flags ?? 0],
  ]);
  let loaded = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const value = filter.readUInt32LE(at + 4);
    const jump = (holds: boolean): number => 8 * filter.readUInt8(at + (holds ? 2 : 3));
    switch (filter.readUInt16LE(at)) {
      case 0x20:
        loaded = data.get(value) ?? assert.fail(`nothing is at ${value}`);
        break;
      case 0x15:
        at += jump(loaded === value);
        break;
      case 0x35:
        at += jump(loaded >= value);
        break;
      case 0x45:
        at += jump((loaded & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        assert.fail('an instruction that does not belong there');
    }
  }
  return assert.fail('no verdict');
}

const MACHINES = [
  { name: 'x64', audit: 0xc000_003e, read: 0, clone: 56, unshare: 272, keyctl: 250, bpf: 321 },
  { name: 'arm64', audit: 0xc000_00b7, read: 63, clone: 220, unshare: 97, keyctl: 219, bpf: 280 },
];

test('R-18 the strict sandbox refuses keyrings and user namespaces, and little else', () => {
  for (const { name, audit, read, clone, unshare, keyctl, bpf } of MACHINES) {
    const filter = seccompFilter(name) ?? assert.fail(name);
    assert.equal(verdict(filter, { audit, number: read, flags: NEW_USER }), ALLOW);
    for (const number of [clone, unshare]) {
      assert.equal(verdict(filter, { audit, number, flags: 0x0000_0f00 }), ALLOW);
      assert.equal(verdict(filter, { audit, number, flags: NEW_USER | 0x0f00 }), EPERM);
    }
    for (const number of [keyctl, bpf]) assert.equal(verdict(filter, { audit, number }), EPERM);
    assert.equal(verdict(filter, { audit, number: 435 }), ENOSYS);
    assert.equal(verdict(filter, { audit: 0x4000_0003, number: read }), KILL);
  }
  const x32 = { audit: 0xc000_003e, number: 0x4000_0000 + 250 };
  assert.equal(verdict(seccompFilter('x64') ?? assert.fail('x64'), x32), ENOSYS);
});

test('R-18 on machines whose system calls are not known there is no strict sandbox', () => {
  assert.equal(seccompFilter('s390x'), null);
});
