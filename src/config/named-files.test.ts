import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './load.ts';
import type { Settings } from './settings.ts';

const CONFIG = `version: 1
state_dir: state
policy: policy.yaml
sealing_keys: sealing.keys
listeners:
  - name: main
    address: 127.0.0.1:0
    tls:
      certificates: [{ certificate: site.crt, key: site.key }]
      client_ca: clients.pem
      client_ca_names: ['*']
      client_crl: clients.crl
servers:
  far:
    http:
      url: https://far.example.com/mcp
      headers: { X-A: { file: a.token }, X-B: { command: [bin/token, x] } }
      tls:
        ca: far.pem
        crl: far.crl
        client_certificate: { pkcs12: far.p12, passphrase_file: far.pass }
        second_certificate: { certificate: far-2.crt, key: far-2.key }
  tokens:
    http:
      url: https://tokens.example.com/mcp
      authorization:
        issuer: https://login.example.com
        client_id: postern
        client_key: client.key
        tls: { ca: login.pem }
  older:
    sse:
      url: https://older.example.com/sse
      tls: { client_certificate: { certificate: older.crt, key: older.key } }
  free:
    stdio: { command: bin/free, env: { C: { file: c.token }, D: { command: [from-path] } } }
  kept:
    stdio: { command: bin/kept, sandbox: strict, readable: [data] }
`;

function settings(): Settings {
  const reading = readConfig(CONFIG, '/etc/postern/postern.yaml');
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.settings;
}

test('R-18 what nobody may see, and what nobody may change, is known of a configuration', () => {
  const { files } = settings();
  const names = (paths: readonly string[]): string =>
    paths
      .map((path) => path.replace('/etc/postern/', ''))
      .toSorted()
      .join(' ');
  assert.equal(
    names(files.secret),
    'a.token c.token client.key far-2.key far.p12 far.pass older.key policy.yaml postern.yaml sealing.keys site.key',
  );
  assert.equal(
    names(files.trusted),
    'bin/free bin/token clients.crl clients.pem far-2.crt far.crl far.pem login.pem older.crt site.crt',
  );
});

test('R-18 no setting that names a file is forgotten', () => {
  const { files, ...rest } = settings();
  const known = new Set([...files.secret, ...files.trusted]);
  const found = filesIn(rest);
  assert.ok(found.length > 10);
  assert.deepEqual(
    found.filter((path) => !known.has(path)),
    [],
  );
});

/** Values of settings whose name ends with "file". */
function filesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' && /file$/i.test(key) ? [inner] : filesIn(inner),
  );
}
