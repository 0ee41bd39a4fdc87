import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HelloParts, WireExtension } from '../client-hello.fixture.ts';
import { buildHello, extension, u16s } from '../client-hello.fixture.ts';
import type { ClientHello } from './hello.ts';
import { readClientHello } from './hello.ts';

const GREASE = new Set(Array.from({ length: 16 }, (_, n) => 0x0a0a + n * 0x1010));
const GREASE_NAMES = new Set([...GREASE].map((value) => u16s([value]).toString('latin1')));

const codePoint = fc.integer({ min: 0, max: 0xffff });
const codePoints = fc.array(codePoint, { minLength: 1, maxLength: 12 });
const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const protocolName = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

const anyHello = fc.record({
  legacyVersion: codePoint,
  random: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  sessionId: fc.uint8Array({ maxLength: 32 }),
  cipherSuites: codePoints,
  supportedVersions: fc.option(codePoints),
  supportedGroups: fc.option(codePoints),
  keyShareGroups: fc.option(fc.array(codePoint, { maxLength: 4 })),
  signatureAlgorithms: fc.option(codePoints),
  certificateSignatureAlgorithms: fc.option(codePoints),
  alpn: fc.option(fc.array(protocolName, { minLength: 1, maxLength: 4 })),
  serverName: fc.option(fc.string({ unit: visible, minLength: 1, maxLength: 255 })),
  preSharedKey: fc.boolean(),
  earlyData: fc.boolean(),
  encryptedClientHello: fc.boolean(),
  grease: fc.option(fc.constantFrom(...GREASE)),
  order: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
});
type AnyHello = typeof anyHello extends fc.Arbitrary<infer T> ? T : never;

function partsOf(hello: AnyHello): HelloParts & { extensions: WireExtension[] } {
  const grease = hello.grease === null ? [] : [hello.grease];
  const present = <T>(value: T | null, make: (value: T) => WireExtension): WireExtension[] =>
    value === null ? [] : [make(value)];
  const extensions = [
    ...present(hello.serverName, extension.serverName),
    ...present(hello.supportedVersions, (list) =>
      extension.supportedVersions([...grease, ...list]),
    ),
    ...present(hello.supportedGroups, (list) => extension.supportedGroups([...list, ...grease])),
    ...present(hello.keyShareGroups, (list) => extension.keyShare([...grease, ...list])),
    ...present(hello.signatureAlgorithms, extension.signatureAlgorithms),
    ...present(hello.certificateSignatureAlgorithms, extension.signatureAlgorithmsCert),
    ...present(hello.alpn, extension.alpn),
    ...(hello.preSharedKey ? [extension.preSharedKey()] : []),
    ...(hello.earlyData ? [extension.earlyData()] : []),
    ...(hello.encryptedClientHello ? [extension.encryptedClientHello()] : []),
    ...grease.map((type) => extension.other(type, Buffer.of(0))),
    extension.other(23),
  ];
  return {
    legacyVersion: hello.legacyVersion,
    random: Buffer.from(hello.random),
    sessionId: Buffer.from(hello.sessionId),
    cipherSuites: [...hello.cipherSuites, ...grease],
    extensions: shuffled(extensions, hello.order),
  };
}

function shuffled<T>(items: readonly T[], order: readonly number[]): T[] {
  return items
    .map((item, index) => ({ item, key: order[index] ?? 0 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function expectedOf(hello: AnyHello, types: readonly number[]): ClientHello {
  let greasePresent = hello.grease !== null;
  const kept = (list: readonly number[] | null): number[] => {
    const rest = (list ?? []).filter((value) => !GREASE.has(value));
    greasePresent ||= rest.length !== (list ?? []).length;
    return rest;
  };
  const alpn = (hello.alpn ?? []).filter((name) => !GREASE_NAMES.has(name));
  greasePresent ||= alpn.length !== (hello.alpn ?? []).length;
  const cert = hello.certificateSignatureAlgorithms;
  const fields = {
    legacyVersion: hello.legacyVersion,
    supportedVersions:
      hello.supportedVersions === null ? [hello.legacyVersion] : kept(hello.supportedVersions),
    cipherSuites: kept(hello.cipherSuites),
    supportedGroups: kept(hello.supportedGroups),
    keyShareGroups: kept(hello.keyShareGroups),
    signatureAlgorithms: kept(hello.signatureAlgorithms),
    certificateSignatureAlgorithms: cert === null ? null : kept(cert),
    alpn,
    serverName: hello.serverName,
    extensions: kept(types),
    hasPreSharedKey: hello.preSharedKey,
    hasEarlyData: hello.earlyData,
    hasEncryptedClientHello: hello.encryptedClientHello,
    sessionIdLength: hello.sessionId.length,
  };
  return { ...fields, greasePresent };
}

test('R-08 every valid hello reads back as what was put into it', () => {
  fc.assert(
    fc.property(anyHello, (hello) => {
      const parts = partsOf(hello);
      const types = parts.extensions.map(({ type }) => type);
      assert.deepEqual(readClientHello(buildHello(parts).subarray(4)), {
        kind: 'complete',
        hello: expectedOf(hello, types),
      });
    }),
    { numRuns: 3000 },
  );
});
