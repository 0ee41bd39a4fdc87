import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allGroups } from './groups.ts';
import { algorithmNames, narrowProfile, parseAllowedAlgorithms } from './narrow.ts';
import { allProfiles, groupsOf, makeProfile, profileByName, quantumSafeOnly } from './profiles.ts';
import { groupByName } from './registry.ts';
import { assertRuntime, probeRuntime } from './runtime.ts';
import { tlsOptionsOf } from './tls-options.ts';

const hybrid = profileByName('hybrid') ?? assert.fail('no profile hybrid');
const transition = profileByName('transition') ?? assert.fail('no profile transition');
const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;

test('R-01 the default profile offers quantum-safe hybrids only', () => {
  assert.ok(groupsOf(hybrid).every((group) => group.quantumSafe && group.hybrid));
});

test('R-04 the built-in profiles put classical groups last', () => {
  for (const profile of allProfiles()) {
    assert.ok(
      profile.groupTiers[0]?.every((group) => group.quantumSafe),
      profile.name,
    );
  }
  assert.equal(
    tlsOptionsOf(transition).ecdhCurve,
    'X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024/X25519:P-256',
  );
});

test('R-02 the runtime has every algorithm of every profile', () => {
  assertRuntime();
  const { groups, signatures } = probeRuntime();
  const missing = new Set([
    ...groups.filter((row) => !row.available).map((row) => row.group),
    ...signatures.filter((row) => !row.available).map((row) => row.scheme),
  ]);
  for (const profile of allProfiles()) {
    for (const group of groupsOf(profile)) assert.ok(!missing.has(group), group.name);
    for (const scheme of profile.signatures) assert.ok(!missing.has(scheme), scheme.name);
  }
});

test('R-11 allowed_algos admits groups by their KEM part, and legacy names', () => {
  const narrowed = narrowProfile(hybrid, parseAllowedAlgorithms(['Kyber768', 'dilithium3']));
  assert.deepEqual(
    groupsOf(narrowed).map((group) => group.name),
    ['X25519MLKEM768', 'SecP256r1MLKEM768'],
  );
  assert.deepEqual(
    narrowed.signatures.map((scheme) => scheme.name),
    ['ML-DSA-65'],
  );
  const groupsOnly = narrowProfile(hybrid, parseAllowedAlgorithms(['SecP384r1MLKEM1024']));
  assert.deepEqual(groupsOnly.signatures, hybrid.signatures);
});

test('R-11 refuses unknown names, and lists that leave nothing', () => {
  assert.throws(() => parseAllowedAlgorithms(['ROT13']), code('POSTERN_ALGORITHM_UNKNOWN'));
  const classical = parseAllowedAlgorithms(['X25519']);
  assert.throws(() => narrowProfile(hybrid, classical), code('POSTERN_ALGORITHMS_EXCLUDED'));
  assert.throws(
    () => narrowProfile(quantumSafeOnly(transition), classical),
    code('POSTERN_ALGORITHMS_EXCLUDED'),
  );
  for (const name of algorithmNames()) parseAllowedAlgorithms([name]);
});

test('R-02 registry rows carry distinct IANA ids', () => {
  const groups = allGroups();
  assert.equal(new Set(groups.map((group) => group.ianaId)).size, groups.length);
});

test('R-04 a profile that could leave a capable peer without post-quantum keys is refused', () => {
  const group = (name: string) => groupByName(name) ?? assert.fail(name);
  const { signatures, ciphers } = hybrid;
  const make = (tiers: string[][], rest: object = {}) =>
    makeProfile('mine', {
      groupTiers: tiers.map((t) => t.map(group)),
      signatures,
      ciphers,
      ...rest,
    });
  const wrong: string[][][] = [
    [],
    [[]],
    [['X25519MLKEM768', 'X25519']],
    [['X25519'], ['X25519MLKEM768']],
    [['X25519MLKEM768'], ['X25519'], ['MLKEM1024']],
    [['X25519MLKEM768', 'X25519MLKEM768']],
    [['X25519MLKEM768'], ['X25519MLKEM768']],
  ];
  const invalid = code('POSTERN_PROFILE_INVALID');
  for (const tiers of wrong) assert.throws(() => make(tiers), invalid, JSON.stringify(tiers));
  assert.throws(() => make([['X25519MLKEM768']], { signatures: [] }), invalid);
  assert.throws(() => make([['X25519MLKEM768']], { ciphers: [...ciphers, ...ciphers] }), invalid);
  const tiers = [['MLKEM1024'], ['X25519MLKEM768'], ['P-256', 'X25519']];
  assert.equal(tlsOptionsOf(make(tiers)).ecdhCurve, 'MLKEM1024/X25519MLKEM768/P-256:X25519');
});
