import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HelloParts, WireExtension } from './client-hello.fixture.ts';
import { buildHello, extension } from './client-hello.fixture.ts';
import type { ClientHello } from './client-hello/hello.ts';
import { readClientHello } from './client-hello/hello.ts';
import { ja4 } from './ja4.ts';

/** A fingerprint that FoxIO published, with the hello's lists in the order sent, in hex. */
interface Vector {
  readonly client: string;
  readonly versions: readonly number[] | null;
  readonly legacyVersion?: number;
  readonly alpn: readonly string[];
  readonly ciphers: string;
  readonly extensions: string;
  readonly signatures: string;
  readonly fingerprint: string;
}

/** From `technical_details/JA4.md` and `python/test/testdata` of FoxIO's repository. */
const VECTORS: readonly Vector[] = [
  {
    client: 'Chrome over TLS 1.3',
    versions: [0x0304, 0x0303],
    alpn: ['h2', 'http/1.1'],
    ciphers: '1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035',
    extensions: '001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015',
    signatures: '0403,0804,0401,0503,0805,0501,0806,0601',
    fingerprint: 't13d1516h2_8daaf6152771_e5627efa2ab1',
  },
  {
    client: 'Chrome with a pre-shared key',
    versions: [0x0304, 0x0303],
    alpn: ['http/1.1'],
    ciphers: '1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035',
    extensions:
      '0000,0017,0005,002b,0012,0023,000a,0033,0010,002d,001b,4469,000b,000d,ff01,0015,0029',
    signatures: '0403,0804,0401,0503,0805,0501,0806,0601',
    fingerprint: 't13d1517h1_8daaf6152771_6cdcb247c39b',
  },
  {
    client: 'Firefox',
    versions: [0x0304, 0x0303],
    alpn: ['h2', 'http/1.1'],
    ciphers: '1301,1303,1302,c02b,c02f,cca9,cca8,c02c,c030,c00a,c009,c013,c014,009c,009d,002f,0035',
    extensions: '0000,0017,ff01,000a,000b,0023,0010,0005,0022,0033,002b,000d,002d,001c,0015',
    signatures: '0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201',
    fingerprint: 't13d1715h2_5b57614c22b0_3d5424432f57',
  },
  {
    client: 'a client of TLS 1.2 without ALPN',
    versions: null,
    alpn: [],
    ciphers:
      'c02c,c02b,c030,c02f,c024,c023,c028,c027,c00a,c009,c014,c013,009d,009c,003d,003c,0035,002f,000a',
    extensions: '0000,0005,000a,000b,000d,0023,0017,ff01',
    signatures: '0804,0805,0806,0401,0501,0201,0403,0503,0203,0202,0601,0603',
    fingerprint: 't12d190800_d83cc789557e_7af1ed941c26',
  },
  {
    client: 'a client of TLS 1.0 with a server name alone',
    versions: null,
    legacyVersion: 0x0301,
    alpn: [],
    ciphers:
      '0039,0038,0035,0016,0013,000a,0033,0032,002f,009a,0099,0096,' +
      '0005,0004,0015,0012,0009,0014,0011,0008,0006,0003,00ff',
    extensions: '0000',
    signatures: '',
    fingerprint: 't10d230100_6a57a6f57151_000000000000',
  },
];

/** @param grease values that must change nothing, put into every list. */
function partsOf(vector: Vector, grease: readonly number[] = []): HelloParts {
  const content: Readonly<Record<number, WireExtension>> = {
    0: extension.serverName('agent.example'),
    10: extension.supportedGroups([...grease, 0x001d]),
    13: extension.signatureAlgorithms([...grease, ...codePoints(vector.signatures)]),
    16: extension.alpn(vector.alpn),
    43: extension.supportedVersions([...grease, ...(vector.versions ?? [])]),
    51: extension.keyShare([...grease, 0x001d]),
  };
  return {
    legacyVersion: vector.legacyVersion ?? 0x0303,
    cipherSuites: [...grease, ...codePoints(vector.ciphers)],
    extensions: [
      ...grease.map((type) => extension.other(type)),
      ...codePoints(vector.extensions).map((type) => content[type] ?? extension.other(type)),
    ],
  };
}

function codePoints(list: string): number[] {
  return list === '' ? [] : list.split(',').map((hex) => Number.parseInt(hex, 16));
}

function read(parts: HelloParts): ClientHello {
  const result = readClientHello(buildHello(parts).subarray(4));
  assert.equal(result.kind, 'complete', JSON.stringify(result));
  return result.hello;
}

for (const vector of VECTORS) {
  test(`R-08 gives ${vector.client} the fingerprint that FoxIO published`, () => {
    assert.equal(ja4(read(partsOf(vector))), vector.fingerprint);
  });

  test(`R-08 GREASE does not change the fingerprint of ${vector.client}`, () => {
    assert.equal(ja4(read(partsOf(vector, [0x8a8a]))), vector.fingerprint);
  });
}

/** A hello to vary; only what the fingerprint is made of matters. */
const chrome = read(partsOf(VECTORS[0] as Vector));

test('R-08 the order of cipher suites and extensions does not matter, that of signatures does', () => {
  const reordered = {
    ...chrome,
    cipherSuites: chrome.cipherSuites.toReversed(),
    extensions: chrome.extensions.toReversed(),
  };
  assert.equal(ja4(reordered), ja4(chrome));
  const signatureAlgorithms = chrome.signatureAlgorithms.toReversed();
  assert.notEqual(ja4({ ...chrome, signatureAlgorithms }), ja4(chrome));
});

test('without signature algorithms the digest is that of the extensions alone', () => {
  // JA4.md gives this digest for the extensions of its example.
  const fingerprint = ja4({ ...chrome, signatureAlgorithms: [] });
  assert.equal(fingerprint, 't13d1516h2_8daaf6152771_6d807ffa2a79');
});

test('counts over 99 are 99, and empty lists have no digest', () => {
  const many = Array.from({ length: 100 }, (_, index) => index);
  assert.match(ja4({ ...chrome, cipherSuites: many, extensions: many }), /^t13d9999h2_/);
  const none = { ...chrome, cipherSuites: [], extensions: [], signatureAlgorithms: [], alpn: [] };
  assert.equal(ja4(none), 't13i000000_000000000000_000000000000');
});

test('the version is the highest that the client speaks, 00 if it is unknown', () => {
  const versions: readonly (readonly [readonly number[], string])[] = [
    [[0x0303, 0x0304, 0x0302], '13'],
    [[0x0303], '12'],
    [[0x0302], '11'],
    [[0x0301], '10'],
    [[0x0300], 's3'],
    [[0x0304, 0x7f1c], '00'],
    [[], '00'],
  ];
  for (const [supportedVersions, expected] of versions) {
    assert.equal(ja4({ ...chrome, supportedVersions }).slice(1, 3), expected);
  }
});

test('R-08 the first protocol stands as two letters, in hex where it has others', () => {
  // The pairs of bytes and letters are those of JA4.md.
  const protocols: Readonly<Record<string, string>> = {
    h2: 'h2',
    'http/1.1': 'h1',
    a: 'aa',
    '': '00',
    '\xab': 'ab',
    '\x20': '20',
    '\xab\xcd': 'ad',
    '\x20\x61': '21',
    '\x30\xab': '3b',
    '\x61\x20': '60',
    '\x30\x31\xab\xcd': '3d',
    '\x30\xab\xcd\x31': '01',
  };
  for (const [name, letters] of Object.entries(protocols)) {
    assert.equal(ja4({ ...chrome, alpn: [name, 'other'] }).slice(8, 10), letters, letters);
  }
});
