import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNamesOf } from './addresses.ts';
import { checkMediaTypes, checkOrigin, singleHeaders } from './http-guard.ts';

const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;

const names = {
  hosts: hostNamesOf('127.0.0.1', ['GW.example.com']),
  origins: new Set(['https://app.example.com']),
  scheme: 'https' as const,
};

test('R-14 takes the Host names of the listener, whatever their port and letter case', () => {
  for (const host of ['127.0.0.1', 'localhost:7443', '[::1]:7443', 'gw.EXAMPLE.com']) {
    checkOrigin({ host }, names);
  }
});

test('R-14 refuses foreign, malformed and missing Host headers', () => {
  const hosts = [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'localhost@evil.example',
    'evil.example/localhost',
    'localhost:7443:1',
    '127.0.0.1?x',
    '192.168.0.1',
  ];
  for (const host of hosts) {
    assert.throws(() => checkOrigin({ host }, names), code('POSTERN_ORIGIN_REFUSED'), host);
  }
});

test('R-14 refuses web pages that are not allowed', () => {
  const host = 'localhost';
  checkOrigin({ host, origin: 'https://app.example.com' }, names);
  for (const origin of ['https://evil.example', 'null', 'https://app.example.com:444', '']) {
    assert.throws(() => checkOrigin({ host, origin }, names), code('POSTERN_ORIGIN_REFUSED'));
  }
});

test('R-14 takes its own origin, of its own scheme and under one of its names alone', () => {
  const host = 'localhost:7443';
  checkOrigin({ host, origin: 'https://localhost:7443' }, names);
  for (const origin of ['http://localhost:7443', 'https://localhost', 'https://127.0.0.1:7443']) {
    assert.throws(() => checkOrigin({ host, origin }, names), code('POSTERN_ORIGIN_REFUSED'));
  }
  const rebound = { host: 'evil.example:7443', origin: 'https://evil.example:7443' };
  assert.throws(() => checkOrigin(rebound, names), code('POSTERN_ORIGIN_REFUSED'));
});

test('R-14 a listener on every address is addressed by its names and by loopback', () => {
  const hosts = hostNamesOf('0.0.0.0', ['gw.example.com']);
  assert.deepEqual([...hosts].toSorted(), ['127.0.0.1', '::1', 'gw.example.com', 'localhost']);
});

test('R-17 refuses singular headers that occur twice', () => {
  const twice = (name: string) => ({ headers: { [name]: 'a, b' }, repeated: ['accept', name] });
  const singular = ['mcp-session-id', 'mcp-param-region', 'content-type', 'origin'];
  for (const name of [...singular, 'authorization', 'dpop']) {
    assert.throws(() => singleHeaders(twice(name)), code('POSTERN_REQUEST_REFUSED'), name);
  }
  assert.equal(singleHeaders(twice('x-any'))['x-any'], 'a, b');
});

test('R-23 wants JSON in, and JSON and events out', () => {
  const json = 'application/json; charset=utf-8';
  const refused = code('POSTERN_MEDIA_TYPE_REFUSED');
  const unacceptable = code('POSTERN_ANSWER_NOT_ACCEPTABLE');
  for (const accept of ['application/json, text/event-stream', '*/*', undefined]) {
    checkMediaTypes({ 'content-type': json, accept }, 'POST');
  }
  assert.throws(() => checkMediaTypes({ 'content-type': 'text/plain' }, 'POST'), refused);
  assert.throws(() => checkMediaTypes({}, 'POST'), refused);
  const onlyJson = { 'content-type': json, accept: 'application/json' };
  assert.throws(() => checkMediaTypes(onlyJson, 'POST'), unacceptable);
  assert.throws(() => checkMediaTypes({ accept: 'text/html' }, 'GET'), unacceptable);
  checkMediaTypes({ accept: 'text/event-stream' }, 'GET');
  checkMediaTypes({}, 'DELETE');
});
