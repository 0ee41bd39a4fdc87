import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPolicy } from './read.ts';

function linksOf(text: string) {
  const reading = readPolicy(text, 'policy.yaml');
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.policy.links;
}

function firstProblem(text: string) {
  const reading = readPolicy(text, 'policy.yaml');
  assert.ok(!reading.ok, 'accepted');
  const helpful = reading.diagnostics.find((diagnostic) => diagnostic.suggestion !== undefined);
  return helpful ?? reading.diagnostics[0] ?? assert.fail('no diagnostic');
}

const NESTED = `
p2p_connectivity:
  enforce_pqc: true
  allowed_algos: ["ML-KEM-768", "ML-DSA-65"]
  threat_detection:
    block_downgrade_attempts: true
    alert_on_latency_spike: true
`;
const SIBLING = `
p2p_connectivity:
  enforce_pqc: true
  allowed_algos: ["ML-KEM-768", "ML-DSA-65"]
threat_detection:
  block_downgrade_attempts: true
  alert_on_latency_spike: true
`;

test('R-11 accepts the published YAML in both nestings, with the same meaning', () => {
  const nested = linksOf(NESTED);
  assert.deepEqual(nested, linksOf(SIBLING));
  assert.equal(nested.enforcePqc, true);
  assert.deepEqual(nested.threatDetection, {
    blockDowngradeAttempts: true,
    alertOnLatencySpike: true,
  });
  assert.deepEqual(
    [...(nested.allowed.groups ?? [])].map((group) => group.name),
    ['X25519MLKEM768', 'SecP256r1MLKEM768', 'MLKEM768'],
  );
});

test('R-11 enforces post-quantum links unless the policy says otherwise', () => {
  assert.equal(linksOf('rules: []').enforcePqc, true);
  assert.equal(linksOf('p2p_connectivity: {enforce_pqc: false}').enforcePqc, false);
});

test('R-11 says what is not enforced yet, and that a policy without rules denies everything', () => {
  const reading = readPolicy(NESTED, 'policy.yaml');
  assert.ok(reading.ok);
  const messages = reading.warnings.map((warning) => warning.message).join('\n');
  assert.match(messages, /every call is denied/);
  assert.match(messages, /does not yet remember peers/);
});

test('points at what is wrong: unknown key, unknown algorithm, contradiction, repeated id', () => {
  const key = firstProblem('rules:\n  - efect: allow\n');
  assert.deepEqual([key.line, key.suggestion], [2, 'effect']);
  const algorithm = firstProblem('p2p_connectivity:\n  allowed_algos:\n    - ML-KEM-786\n');
  assert.deepEqual(
    [algorithm.line, algorithm.value, algorithm.suggestion],
    [3, 'ML-KEM-786', 'ML-KEM-768'],
  );
  const contradiction = firstProblem(
    NESTED + 'threat_detection: {block_downgrade_attempts: false}\n',
  );
  assert.match(contradiction.message, /differs from/);
  const repeated = firstProblem('rules: [{id: a, effect: allow}, {id: a, effect: deny}]');
  assert.match(repeated.message, /used twice/);
});

test('never throws, and takes nothing that is not a policy', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const reading = readPolicy(text, 'policy.yaml');
      if (reading.ok) assert.equal(reading.policy.rules.length, 0);
    }),
  );
  for (const text of ['', '[]', 'rules: {}', 'rules: [{effect: maybe}]', '- x', 'a: b', '\u0000']) {
    assert.equal(readPolicy(text, 'policy.yaml').ok, false, text);
  }
});

test('R-11 names from before the standards are understood, and answered with the standard one', () => {
  const text = `
p2p_connectivity:
  allowed_algos: [Kyber768, ml-dsa-65, dilithium5]
rules: [{ effect: allow }]
`;
  const reading = readPolicy(text, 'policy.yaml');
  assert.ok(reading.ok, JSON.stringify(reading));
  const said = reading.warnings.map(({ line, path, suggestion }) => [line, path, suggestion]);
  assert.deepEqual(said, [
    [3, 'p2p_connectivity.allowed_algos[0]', 'ML-KEM-768'],
    [3, 'p2p_connectivity.allowed_algos[2]', 'ML-DSA-87'],
  ]);
  const { groups, signatures } = reading.policy.links.allowed;
  assert.ok([...(groups ?? [])].every(({ kem }) => kem?.name === 'ML-KEM-768'));
  assert.deepEqual(
    [...(signatures ?? [])].map(({ name }) => name),
    ['ML-DSA-65', 'ML-DSA-87'],
  );
});
