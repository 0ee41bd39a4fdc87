import assert from 'node:assert/strict';
import { createSecureContext } from 'node:tls';
import { generateKeyPairSync, hash } from 'node:crypto';
import { test } from 'node:test';
import { CALENDARS, standingAt } from './calendars.ts';
import type { Calendar } from './calendars.ts';
import { allCiphers } from './ciphers.ts';
import { allGroups } from './groups.ts';
import { allHashes } from './hashes.ts';
import { allKems } from './kems.ts';
import { groupsOf, profileByName } from './profiles.ts';
import {
  algorithmNamed,
  allAlgorithms,
  cipherByName,
  groupByName,
  isStandardName,
  signatureByName,
} from './registry.ts';
import { allSignatureSchemes } from './signatures.ts';

const names = (rows: readonly { readonly name: string }[]): readonly string[] =>
  rows.map(({ name }) => name);

test('R-02 each row is found by its name, and no name means two algorithms', () => {
  const rows = allAlgorithms();
  assert.ok(rows.length > 25);
  for (const row of rows) {
    assert.equal(algorithmNamed(row.name), row);
    assert.equal(algorithmNamed(row.name.toUpperCase()), row);
    for (const alias of row.aliases) assert.equal(algorithmNamed(alias), row, alias);
  }
  assert.equal(new Set(names(rows).map((name) => name.toLowerCase())).size, rows.length);
});

test('R-02 names of the field and from before the standards are answered with the standard one', () => {
  const spellings = {
    Kyber768: 'ML-KEM-768',
    kyber_1024: 'ML-KEM-1024',
    Dilithium3: 'ML-DSA-65',
    mldsa87: 'ML-DSA-87',
    'P-256': 'P-256',
    secp256r1: 'P-256',
    prime256v1: 'P-256',
    x25519_mlkem768: 'X25519MLKEM768',
    'X25519-MLKEM768': 'X25519MLKEM768',
    X25519Kyber768: 'X25519MLKEM768',
    secp384r1mlkem1024: 'SecP384r1MLKEM1024',
    ES256: 'ECDSA-P256-SHA256',
    'aes-256-gcm': 'TLS_AES_256_GCM_SHA384',
    sha_384: 'SHA-384',
  };
  for (const [spelling, standard] of Object.entries(spellings)) {
    assert.equal(algorithmNamed(spelling)?.name, standard, spelling);
  }
  const kyber = algorithmNamed('Kyber768') ?? assert.fail('unknown');
  assert.equal(isStandardName('Kyber768', kyber), false);
  assert.equal(isStandardName('ml-kem-768', kyber), true);
  for (const unknown of ['', 'ROT13', 'ML-KEM', 'X25519MLKEM', '__proto__', 'constructor']) {
    assert.equal(algorithmNamed(unknown), undefined, unknown);
  }
});

test('R-02 a KEM and the group of that KEM alone are told apart', () => {
  assert.equal(algorithmNamed('ML-KEM-768')?.kind, 'kem');
  assert.equal(algorithmNamed('MLKEM768')?.kind, 'group');
  assert.equal(groupByName('ML-KEM-768'), undefined);
  assert.equal(signatureByName('P-256'), undefined);
  assert.equal(cipherByName('SHA-384'), undefined);
});

test('R-02 the runtime has what the rows name', () => {
  for (const { keyType } of allKems()) generateKeyPairSync(keyType as 'ml-kem-768');
  for (const { nodeName, digestBytes } of allHashes()) {
    assert.equal(hash(nodeName, '', 'buffer').length, digestBytes);
  }
  for (const { opensslName } of allGroups()) createSecureContext({ ecdhCurve: opensslName });
  for (const { opensslName } of allSignatureSchemes())
    createSecureContext({ sigalgs: opensslName });
  for (const { name } of allCiphers()) createSecureContext({ ciphers: name });
});

test('R-03 hybrids are as strong as their KEM, and classical groups fall to a quantum computer', () => {
  for (const { kem, classical, hybrid, quantumSafe, nistCategory } of allGroups()) {
    assert.equal(quantumSafe, kem !== null);
    assert.equal(hybrid, kem !== null && classical !== null);
    assert.equal(nistCategory, kem?.nistCategory ?? null);
  }
});

const on = (name: string, calendar: Calendar, day: string): string =>
  standingAt(
    (algorithmNamed(name) ?? assert.fail(name)).terms,
    calendar,
    new Date(`${day}T12:00:00Z`),
  ).status;

test('R-22 NIST IR 8547 ends classical algorithms with 2035', () => {
  for (const name of ['P-256', 'P-384', 'ECDSA-P256-SHA256', 'Ed25519']) {
    assert.equal(on(name, 'ir8547', '2035-12-31'), 'acceptable', name);
    assert.equal(on(name, 'ir8547', '2036-01-01'), 'disallowed', name);
  }
  assert.equal(on('RSA-PSS', 'ir8547', '2030-12-31'), 'acceptable');
  assert.equal(on('RSA-PSS', 'ir8547', '2031-01-01'), 'deprecated');
  assert.equal(on('RSA-PSS', 'ir8547', '2036-01-01'), 'disallowed');
  assert.equal(on('X25519', 'ir8547', '2026-01-01'), 'unlisted');
  for (const name of ['ML-KEM-512', 'ML-DSA-44', 'X25519MLKEM768', 'AES-128-GCM', 'SHA-256']) {
    assert.equal(on(name, 'ir8547', '2050-01-01'), 'acceptable', name);
  }
});

test('R-22 CNSA 2.0 takes its own algorithms alone, and those of CNSA 1.0 for a while', () => {
  for (const name of ['P-384', 'ECDSA-P384-SHA384']) {
    assert.equal(on(name, 'cnsa2', '2026-12-31'), 'acceptable', name);
    assert.equal(on(name, 'cnsa2', '2027-01-01'), 'deprecated', name);
    assert.equal(on(name, 'cnsa2', '2034-01-01'), 'disallowed', name);
  }
  const lasting = ['ML-KEM-1024', 'ML-DSA-87', 'AES-256-GCM', 'SHA-384', 'SecP384r1MLKEM1024'];
  for (const name of lasting) assert.equal(on(name, 'cnsa2', '2050-01-01'), 'acceptable', name);
  for (const name of ['ML-KEM-768', 'ML-DSA-65', 'X25519MLKEM768', 'X25519', 'AES-128-GCM']) {
    assert.equal(on(name, 'cnsa2', '2026-01-01'), 'disallowed', name);
  }
});

test('R-22 a standing says when it changes', () => {
  const p384 = algorithmNamed('P-384') ?? assert.fail('unknown');
  const at = new Date('2026-11-23T00:00:00Z');
  assert.deepEqual(standingAt(p384.terms, 'cnsa2', at), {
    status: 'acceptable',
    changesOn: '2027-01-01',
    next: 'deprecated',
  });
  assert.deepEqual(standingAt(p384.terms, 'cnsa2', new Date('2040-01-01T00:00:00Z')), {
    status: 'disallowed',
    changesOn: null,
    next: null,
  });
  for (const { terms } of allAlgorithms()) {
    for (const calendar of CALENDARS) {
      const days = terms[calendar].map(({ from }) => from ?? '');
      assert.deepEqual(days, days.toSorted());
      assert.equal(days[0], '');
    }
  }
});

test('R-22 everything in profile cnsa2 is in CNSA 2.0 for good', () => {
  const { signatures, ciphers, ...profile } = profileByName('cnsa2') ?? assert.fail('no profile');
  const rows = [...groupsOf({ signatures, ciphers, ...profile }), ...signatures, ...ciphers];
  for (const { name } of rows) assert.equal(on(name, 'cnsa2', '2050-01-01'), 'acceptable', name);
});
