import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { anyCharacter } from '../../test/support/any-text.ts';
import type { Address } from './address.ts';
import { collide, formatAddress, isLoopback, parseAddress, parseHost } from './address.ts';
import { Refusal } from './refusal.ts';

test('addresses are read', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1:7443', '127.0.0.1', 7443],
    ['[::1]:0', '::1', 0],
    ['Gateway.Example:65535', 'gateway.example', 65_535],
    ['localhost:1', 'localhost', 1],
  ];
  for (const [text, host, port] of cases)
    assert.deepEqual(parseAddress(text), { host, port }, text);
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    ':',
    'x',
    'x:',
    'x:y',
    'x:-1',
    'x:1.5',
    'x:65536',
    '[x]:1',
    'a b:1',
    '::1:1',
  ]) {
    assert.ok(parseAddress(text) instanceof Refusal, text);
  }
});

test('property: parsing is total, and formatting is its inverse', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      const address = parseAddress(text);
      if (address instanceof Refusal) return;
      assert.deepEqual(parseAddress(formatAddress(address)), address);
    }),
  );
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(hosts, fc.nat(65_535), (host, port) => {
      const address = { host, port };
      assert.deepEqual(parseAddress(formatAddress(address)), address);
    }),
  );
});

test('host names follow the DNS, and no look-alike of an IPv4 address passes', () => {
  for (const text of ['a', 'A.B-c.example', '10.0.0.1', '::1']) {
    assert.equal(parseHost(text), text.toLowerCase());
  }
  const wrong = ['', '.', 'a.', '-a', 'a-', 'a_b', 'a..b', '1.2.3', '0177.0.0.1', 'a.1', '[::1]'];
  for (const text of [...wrong, '*.a', 'é.example', 'a'.repeat(64), 'a.'.repeat(130) + 'a']) {
    assert.ok(parseHost(text) instanceof Refusal, text);
  }
});

test('loopback is 127.0.0.0/8, ::1 and localhost', () => {
  for (const host of [
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '0:0:0:0:0:0:0:1',
    'localhost',
    'LOCALHOST',
  ]) {
    assert.equal(isLoopback(host), true, host);
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '::2',
    'localhost.example',
    '127.0.0.1.example',
  ]) {
    assert.equal(isLoopback(host), false, host);
  }
});

test('addresses collide on the same host or on every host', () => {
  assert.equal(collide(on('127.0.0.1'), on('127.0.0.1')), true);
  assert.equal(collide(on('127.0.0.1'), on('localhost')), true);
  assert.equal(collide(on('0.0.0.0'), on('10.0.0.1')), true);
  assert.equal(collide(on('127.0.0.1'), on('127.0.0.2')), false);
  assert.equal(collide(on('127.0.0.1'), on('127.0.0.1', 1)), false);
  assert.equal(collide(on('127.0.0.1', 0), on('127.0.0.1', 0)), false);
});

function on(host: string, port = 7443): Address {
  return { host, port };
}
