import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceLimits } from './source-limits.ts';

test('R-08 a source may begin so many a second, and more at once after a rest', () => {
  const limits = new SourceLimits({ inFlight: 1000, perSecond: 10 });
  const begun = (now: number): number => {
    let count = 0;
    while (limits.begin('192.0.2.1', now) === null) {
      limits.end('192.0.2.1');
      count += 1;
    }
    return count;
  };
  assert.equal(begun(0), 50);
  assert.equal(limits.begin('192.0.2.1', 0), 'too_many_per_second');
  assert.equal(begun(1000), 10);
  assert.equal(begun(1050), 0);
  assert.equal(begun(60_000), 50);
  assert.equal(limits.begin('192.0.2.2', 1000), null);
});

test('R-08 a source may have so many unfinished', () => {
  const limits = new SourceLimits({ inFlight: 2, perSecond: 1000 });
  assert.equal(limits.begin('::1', 0), null);
  assert.equal(limits.begin('::1', 0), null);
  assert.equal(limits.begin('::1', 0), 'too_many_unfinished');
  limits.end('::1');
  assert.equal(limits.begin('::1', 0), null);
  limits.end('203.0.113.9');
});

test('R-08 a /64 of IPv6 is one source, IPv4 in IPv6 is IPv4', () => {
  const limits = new SourceLimits({ inFlight: 1, perSecond: 1000 });
  const alike = [
    ['2001:db8:1:2::1', '2001:DB8:1:2:ffff:0:0:9', '2001:db8:1:2::'],
    ['2001:db8::1', '2001:db8:0:0:1::'],
    ['::1', '::2:3'],
    ['fe80::1%eth0', 'fe80::2'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
  ];
  for (const [first = '', ...others] of alike) {
    assert.equal(limits.begin(first, 0), null, first);
    for (const other of others) assert.equal(limits.begin(other, 0), 'too_many_unfinished', other);
  }
  assert.equal(limits.begin('2001:db8:1:3::1', 0), null);
  assert.equal(limits.size, alike.length + 1);
});

test('R-08 the memory of sources is bounded', () => {
  const limits = new SourceLimits({ inFlight: 1, perSecond: 1 });
  for (let count = 0; count < 70_000; count += 1)
    limits.begin(`2001:db8:${count % 65_536}:${count >> 16}::`, 0);
  assert.equal(limits.size, 65_536);
});
