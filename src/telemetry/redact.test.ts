import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createRedactor } from './redact.ts';

const redactor = createRedactor(['X-Tenant']);
const said = (value: unknown) => JSON.stringify(redactor.fields({ value }));

test('values of keys that look secret are hidden, however deep and however spelled', () => {
  const keys = [
    'authorization',
    'Proxy-Authorization',
    'Set-Cookie',
    'accessToken',
    'db_password',
    'CLIENT_SECRET',
    'api_key',
    'x-api-key',
    'privateKey',
    'Mcp-Session-Id',
    'x_tenant_name',
  ];
  for (const key of keys) {
    for (const secret of ['hunter2', 42, ['hunter2'], { deep: 'hunter2' }]) {
      const fields = redactor.fields({ request: { headers: [{ [key]: secret, other: 'kept' }] } });
      assert.deepEqual(
        JSON.parse(JSON.stringify(fields)),
        { request: { headers: [{ [key]: '[redacted]', other: 'kept' }] } },
        key,
      );
    }
  }
});

test('secrets inside texts are hidden', () => {
  const pem = [
    '-----BEGIN ENCRYPTED PRIVATE KEY-----',
    'DEK-Info: AES-128-CBC,hunter2',
    'hunter2',
    '-----END ENCRYPTED PRIVATE KEY-----',
  ].join('\n');
  const texts = [
    `loaded ${pem} from disk`,
    '-----BEGIN PRIVATE KEY-----\nhunter2',
    'Authorization: Bearer hunter2hunter2',
    'sent "authorization": "Basic aHVudGVyMg==hunter2"',
    'Cookie: a=hunter2; b=hunter2',
    'upstream said: Bearer hunter2.hunter2.hunter2',
    '{"password":"hunter2"}',
    'postgres password=hunter2 host=db',
    "api-key = 'hunter2'",
    'Mcp-Session-Id: hunter2',
  ];
  for (const text of texts) {
    assert.doesNotMatch(redactor.text(text), /hunter2/, text);
    assert.doesNotMatch(said({ line: [text] }), /hunter2/, text);
    assert.doesNotMatch(said({ [text]: 1 }), /hunter2/, text);
  }
  assert.match(redactor.text(texts[0] ?? ''), /^loaded \[redacted private key\] from disk$/);
});

test('ordinary texts stay as they are', () => {
  for (const text of [
    'POSTERN_TOKEN_EXPIRED',
    'the token has expired',
    'https://127.0.0.1:8443/mcp?a=b',
    '-----BEGIN CERTIFICATE-----',
    'größer als 1 MB',
  ]) {
    assert.equal(redactor.text(text), text);
  }
});

test('values that JSON cannot say are said in another way or left out', () => {
  const when = new Date(0);
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  assert.equal(said(12n), '{"value":"12"}');
  assert.equal(said(when), '{"value":"1970-01-01T00:00:00.000Z"}');
  assert.equal(said(new Date(Number.NaN)), '{"value":null}');
  assert.equal(said(Buffer.from('hunter2')), '{"value":"[7 bytes]"}');
  assert.equal(
    said(() => 1),
    '{}',
  );
  assert.equal(said([undefined, Symbol('s')]), '{"value":[null,null]}');
  assert.match(said(circle), /\[too deep\]/);
  const error = new Error('outer', { cause: new TypeError('token=hunter2') });
  assert.match(said(error), /"message":"outer".*"name":"TypeError"/);
  assert.doesNotMatch(said(error), /hunter2/);
});

test('a key named like a part of every object is a key', () => {
  const fields = JSON.parse('{"__proto__":{"a":1},"constructor":"b","toJSON":"c"}') as object;
  assert.equal(said(fields), `{"value":${JSON.stringify(fields)}}`);
});

test('the size of what is written is bounded, whatever comes in', () => {
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 'v']));
  const tree = (depth: number): unknown =>
    depth === 0 ? 'leaf' : Array.from({ length: 20 }, () => tree(depth - 1));
  for (const value of [wide, tree(4), 'x'.repeat(10_000_000), [wide, wide]]) {
    assert.ok(said(value).length < 8 * 1024);
  }
});

test('no text takes the patterns long', () => {
  const parts = [
    '-----BEGIN ',
    'PRIVATE KEY-----',
    'token',
    ' ',
    '=',
    ':',
    '"',
    'Bearer ',
    'A',
    '-',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }), (unit) => {
      const text = unit.join('').repeat(4096);
      const start = performance.now();
      redactor.text(text);
      assert.ok(performance.now() - start < 1000, unit.join(''));
    }),
    { numRuns: 300 },
  );
});
