import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HelloParts, WireExtension } from '../client-hello.fixture.ts';
import { buildHello, extension, u16s, vector16, vector8 } from '../client-hello.fixture.ts';
import type { ClientHello } from './hello.ts';
import { readClientHello } from './hello.ts';

const EMPTY = Buffer.alloc(0);

function read(parts: HelloParts): ReturnType<typeof readClientHello> {
  return readClientHello(buildHello(parts).subarray(4));
}

function helloOf(parts: HelloParts): ClientHello {
  const result = read(parts);
  assert.equal(result.kind, 'complete', JSON.stringify(result));
  return result.hello;
}

function reasonOf(parts: HelloParts): string {
  const result = read(parts);
  return result.kind === 'unreadable' ? result.reason : result.kind;
}

function withExtension(type: number, data: Buffer): HelloParts {
  return { extensions: [{ type, data }] };
}

test('R-08 a hello without extensions is that of a client before TLS 1.3', () => {
  const parts = { legacyVersion: 0x0301, cipherSuites: [0x002f, 0x00ff], extensions: null };
  assert.deepEqual(helloOf(parts), {
    legacyVersion: 0x0301,
    supportedVersions: [0x0301],
    cipherSuites: [0x002f, 0x00ff],
    supportedGroups: [],
    keyShareGroups: [],
    signatureAlgorithms: [],
    certificateSignatureAlgorithms: null,
    alpn: [],
    serverName: null,
    extensions: [],
    hasPreSharedKey: false,
    hasEarlyData: false,
    hasEncryptedClientHello: false,
    sessionIdLength: 0,
    greasePresent: false,
  });
  assert.deepEqual(helloOf({ ...parts, extensions: [] }), helloOf(parts));
});

test('R-08 GREASE is left out of every list and told', () => {
  const plain = helloOf({ extensions: everyList([]) });
  assert.equal(plain.greasePresent, false);
  const greased = helloOf({
    cipherSuites: [0x0a0a, 0x1301],
    extensions: [extension.other(0x2a2a), ...everyList([0xfafa]), extension.other(0x1a1a, EMPTY)],
  });
  assert.deepEqual(greased, { ...plain, greasePresent: true });
  const places: readonly HelloParts[] = [
    { cipherSuites: [0x5a5a] },
    { extensions: [extension.other(0x5a5a)] },
    ...everyList([0x5a5a]).map((list) => ({ extensions: [list] })),
  ];
  for (const parts of places) assert.equal(helloOf(parts).greasePresent, true);
});

test('code points that only look like GREASE are kept', () => {
  const alike = [0x0a1a, 0x1a0a, 0x0b0b, 0x0a0b, 0xaa0a];
  const hello = helloOf({ cipherSuites: alike });
  assert.deepEqual([hello.cipherSuites, hello.greasePresent], [alike, false]);
});

/** Every extension that holds a list, with `more` at its end. */
function everyList(more: readonly number[]): WireExtension[] {
  return [
    extension.supportedGroups([0x11ec, ...more]),
    extension.keyShare([0x11ec, ...more]),
    extension.signatureAlgorithms([0x0905, ...more]),
    extension.signatureAlgorithmsCert([0x0403, ...more]),
    extension.supportedVersions([0x0304, ...more]),
    extension.alpn(['h2', ...more.map((value) => u16s([value]).toString('latin1'))]),
  ];
}

const MALFORMED: Readonly<Record<string, HelloParts>> = {
  'legacy_session_id is too long': { sessionId: Buffer.alloc(33) },
  'cipher_suites is empty': { cipherSuites: [] },
  'cipher_suites is too long': { cipherSuites: Array.from<number>({ length: 513 }).fill(0x1301) },
  'legacy_compression_methods is empty': { compressionMethods: EMPTY },
  'an extension is sent twice': { extensions: [extension.other(99), extension.other(99)] },
  'there are too many extensions': {
    extensions: Array.from({ length: 65 }, (_, index) => extension.other(100 + index)),
  },
  'server_name is cut short': withExtension(0, EMPTY),
  'server_name is empty': withExtension(0, vector16(EMPTY)),
  'server_name has trailing bytes': withExtension(
    0,
    Buffer.concat([extension.serverName('a').data, Buffer.of(0)]),
  ),
  'server_name has two host names': withExtension(
    0,
    vector16(Buffer.from('0000016100000162', 'hex')),
  ),
  'the host name is empty': { extensions: [extension.serverName('')] },
  'the host name is too long': { extensions: [extension.serverName('a'.repeat(256))] },
  'the host name has bytes that are no visible ASCII': {
    extensions: [extension.serverName('a\nb')],
  },
  'supported_groups is empty': { extensions: [extension.supportedGroups([])] },
  'supported_groups is cut short': withExtension(10, vector16(Buffer.alloc(3))),
  'supported_groups has trailing bytes': withExtension(
    10,
    Buffer.concat([vector16(u16s([0x11ec])), u16s([0x11ed])]),
  ),
  'signature_algorithms is empty': { extensions: [extension.signatureAlgorithms([])] },
  'signature_algorithms is cut short': withExtension(13, Buffer.of(0, 4, 4, 3)),
  'signature_algorithms_cert is empty': { extensions: [extension.signatureAlgorithmsCert([])] },
  'signature_algorithms_cert has trailing bytes': withExtension(
    50,
    Buffer.concat([vector16(u16s([0x0403])), Buffer.of(0)]),
  ),
  'alpn is empty': { extensions: [extension.alpn([])] },
  'alpn has an empty name': { extensions: [extension.alpn(['h2', ''])] },
  'alpn has too many names': { extensions: [extension.alpn('a'.repeat(65).split(''))] },
  'alpn is cut short': withExtension(16, vector16(Buffer.of(3, 0x68, 0x32))),
  'alpn has trailing bytes': withExtension(16, Buffer.of(0, 2, 1, 0x68, 0)),
  'early_data has trailing bytes': withExtension(42, Buffer.alloc(4)),
  'supported_versions is empty': { extensions: [extension.supportedVersions([])] },
  'supported_versions is cut short': withExtension(43, vector8(Buffer.alloc(3))),
  'supported_versions has trailing bytes': withExtension(43, Buffer.of(2, 3, 4, 3)),
  'key_share is cut short': withExtension(51, vector16(Buffer.of(0x11, 0xec, 0, 9, 1))),
  'a key share is empty': { extensions: [extension.keyShare([0x11ec], 0)] },
  'key_share has too many entries': {
    extensions: [extension.keyShare(Array.from<number>({ length: 513 }).fill(0x1d), 1)],
  },
  'key_share has trailing bytes': withExtension(51, Buffer.of(0, 0, 0)),
};

for (const [reason, parts] of Object.entries(MALFORMED)) {
  test(`R-08 a hello is unreadable when ${reason}`, () => {
    assert.equal(reasonOf(parts), reason);
    // Bytes that belong to something else must not fill what is missing.
    const after = extension.other(0x9999, Buffer.alloc(70));
    const extensions = [...(parts.extensions ?? []), after];
    assert.equal(reasonOf({ ...parts, extensions }), reason);
  });
}

test('R-08 the bounds themselves are readable', () => {
  assert.equal(
    helloOf({ cipherSuites: Array.from<number>({ length: 512 }).fill(0x1301) }).cipherSuites.length,
    512,
  );
  const extensions = Array.from({ length: 64 }, (_, index) => extension.other(100 + index));
  assert.equal(helloOf({ extensions }).extensions.length, 64);
  const names = 'a'.repeat(64).split('');
  assert.deepEqual(helloOf({ extensions: [extension.alpn(names)] }).alpn, names);
  const host = 'a'.repeat(255);
  assert.equal(helloOf({ extensions: [extension.serverName(host)] }).serverName, host);
  assert.equal(helloOf({ sessionId: Buffer.alloc(32) }).sessionIdLength, 32);
});

test('a client may send no key share, and names of other types beside the host name', () => {
  assert.deepEqual(helloOf({ extensions: [extension.keyShare([])] }).keyShareGroups, []);
  const other = withExtension(0, vector16(Buffer.from('070002ffff', 'hex')));
  assert.equal(helloOf(other).serverName, null);
  const both = withExtension(0, vector16(Buffer.from('070002ffff00000161', 'hex')));
  assert.equal(helloOf(both).serverName, 'a');
});

test('R-08 a hello that ends early, or goes on after its end, is unreadable', () => {
  const body = buildHello({ extensions: [extension.serverName('a.example')] }).subarray(4);
  const withoutExtensions = buildHello({ extensions: null }).length - 4;
  for (let length = 0; length < body.length; length += 1) {
    const expected = length === withoutExtensions ? 'complete' : 'unreadable';
    assert.equal(readClientHello(body.subarray(0, length)).kind, expected, `${length} bytes`);
  }
  assert.deepEqual(readClientHello(Buffer.concat([body, Buffer.of(0)])), {
    kind: 'unreadable',
    reason: 'the hello has trailing bytes',
  });
});
