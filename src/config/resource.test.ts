import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveSettings } from './effective.ts';
import { readConfig } from './load.ts';

const FILE = '/etc/postern/postern.yaml';
const SERVERS = 'servers: { files: { stdio: { command: node } } }\n';

const TOKENS = `version: 1
listeners:
  - name: main
    address: 127.0.0.1:7443
    authorization:
      resource: https://MCP.example.com:443/
      issuers:
        - { name: corp, issuer: "https://login.example.com/", tls: { ca: as.pem } }
        - { name: lab, issuer: "http://127.0.0.1:9", jwks_file: lab.json, algorithms: [ML-DSA-65] }
${SERVERS}`;

test('R-13 a listener takes tokens of the issuers that it names, with safe defaults', () => {
  const reading = readConfig(TOKENS, FILE);
  assert.ok(reading.ok);
  const { listeners, files } = reading.settings;
  const { authorization } = listeners[0] ?? assert.fail();
  assert.deepEqual(
    { ...authorization, issuers: [] },
    { tokens: 'required', resource: 'https://mcp.example.com', scopesSupported: null, issuers: [] },
  );
  const [corp, lab] = authorization?.issuers ?? [];
  assert.equal(corp?.issuer, 'https://login.example.com/', 'as it is written');
  assert.deepEqual(corp.keys, { kind: 'fetched', url: null });
  assert.deepEqual([corp.principalClaim, corp.binding, corp.audiences], ['sub', 'none', null]);
  assert.ok(corp.algorithms.every(({ name }) => !/^HS|none/i.test(name)));
  assert.equal(corp.tls?.profile.name, 'hybrid');
  assert.deepEqual(lab?.keys, { kind: 'file', file: '/etc/postern/lab.json' });
  assert.deepEqual([lab.tls, lab.algorithms.map(({ name }) => name)], [null, ['ML-DSA-65']]);
  assert.deepEqual(files.trusted, ['/etc/postern/as.pem', '/etc/postern/lab.json']);
  const shown = effectiveSettings(reading.settings, () => '').map(({ path }) => path);
  assert.ok(shown.includes('listeners[0].authorization.issuers[1].jwks_file'));
});

const REFUSED: readonly (readonly [text: string, path: string, message: RegExp])[] = [
  ['issuers: []', 'issuers', /empty/],
  ['issuers: [{ name: spiffe, issuer: "https://a" }]', 'issuers[0].name', /look like SPIFFE ids/],
  ['issuers: [{ name: a, issuer: "http://b.example" }]', 'issuers[0].issuer', /this machine only/],
  ['issuers: [{ name: a, issuer: "https://a?x" }]', 'issuers[0].issuer', /no query/],
  [
    'issuers: [{ name: a, issuer: "https://a", algorithms: [HS256] }]',
    'issuers[0].algorithms[0]',
    /not allowed/,
  ],
  [
    'issuers: [{ name: a, issuer: "https://a", jwks: "https://a/k", jwks_file: k }]',
    'issuers[0].jwks_file',
    /not from both/,
  ],
  [
    'issuers: [{ name: a, issuer: "https://a" }, { name: a, issuer: "https://b" }]',
    'issuers[1].name',
    /same name/,
  ],
  [
    'issuers: [{ name: a, issuer: "https://a", tls: { profile: hybird } }]',
    'issuers[0].tls.profile',
    /no profile/,
  ],
  ['resource: "https://a/b", issuers: [{ name: a, issuer: "https://a" }]', 'resource', /a path/],
  ['issuer: [{ name: a, issuer: "https://a" }]', 'issuer', /unknown key/],
  ['tokens: maybe, issuers: [{ name: a, issuer: "https://a" }]', 'tokens', /not allowed/],
];

for (const [text, path, message] of REFUSED) {
  test(`R-13 refused at its place: ${text}`, () => {
    const found = problemsOf(text).find((problem) => problem.path === `${AT}.${path}`);
    assert.match(found?.message ?? 'nothing', message);
  });
}

test('R-13 tokens are for a name, so a listener on every address needs one', () => {
  const issuers = 'issuers: [{ name: a, issuer: "https://a" }]';
  const [problem] = problemsOf(issuers, '0.0.0.0:1');
  assert.match(problem?.message ?? '', /needs "resource"/);
  assert.deepEqual(problemsOf(`resource: "https://gw", ${issuers}`, '0.0.0.0:1'), []);
});

const AT = 'listeners[0].authorization';

function problemsOf(text: string, address = '127.0.0.1:1') {
  const listener = `{ name: m, address: "${address}", authorization: { ${text} } }`;
  const reading = readConfig(`version: 1\nlisteners: [${listener}]\n${SERVERS}`, FILE);
  return reading.ok ? [] : reading.diagnostics;
}
