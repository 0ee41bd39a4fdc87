import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveSettings } from './effective.ts';
import { readConfig } from './load.ts';
import type { HttpSettings } from './settings.ts';

function read(http: string) {
  const text = `version: 1\nservers:\n  notes:\n    http: ${http}\n`;
  return readConfig(text, '/etc/postern/postern.yaml');
}

function settingsOf(authorization: string, url = 'https://notes.example/mcp'): HttpSettings {
  const reading = read(`{ url: '${url}', authorization: ${authorization} }`);
  assert.ok(reading.ok, JSON.stringify(reading));
  const [server] = reading.settings.servers;
  assert.ok(server?.transport.kind === 'http');
  return server.transport;
}

test('R-21 where tokens for a server come from, and what they are for', () => {
  const { authorization } = settingsOf(
    "{ issuer: 'https://login.example/', client_id: postern, client_secret: { file: secret }, scope: read write }",
  );
  assert.ok(authorization !== null);
  const { tls, ...rest } = authorization;
  assert.equal(tls?.profile.name, 'hybrid');
  assert.deepEqual(rest, {
    at: { issuer: 'https://login.example/' },
    clientId: 'postern',
    proof: { secret: { kind: 'file', file: '/etc/postern/secret', prefix: '' } },
    wanted: { scope: 'read write', resource: 'https://notes.example/mcp' },
    exchangeFrom: [],
  });
  const other = settingsOf(
    `{ token_endpoint: 'http://127.0.0.1:1/token', client_id: postern, client_key: key.pem,
       resource: none, audience: notes, exchange_from: ['https://login.example'] }`,
    'https://notes.example',
  ).authorization;
  assert.deepEqual(other, {
    at: { endpoint: new URL('http://127.0.0.1:1/token') },
    clientId: 'postern',
    proof: { keyFile: '/etc/postern/key.pem' },
    wanted: { audience: 'notes' },
    exchangeFrom: ['https://login.example'],
    tls: null,
  });
  const certificate =
    "{ issuer: 'https://login.example', client_id: postern, tls: { client_certificate: gateway } }";
  const shown = settingsOf(certificate, 'https://notes.example').authorization;
  assert.equal(shown?.proof, null);
  assert.equal(shown.wanted['resource'], 'https://notes.example', 'without a slash of our own');
});

test('R-10 an authorization that cannot work is refused with the reason', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['{ client_id: a, client_secret: b }', /has neither "issuer" nor/],
    [
      "{ issuer: 'https://a.example', token_endpoint: 'https://a.example/t', client_id: a, client_secret: b }",
      /has both "issuer" and/,
    ],
    ["{ issuer: 'https://a.example', client_id: a }", /has none of "client_secret"/],
    ["{ issuer: 'https://a.example', client_id: a, client_secret: b, client_key: c }", /has both/],
    [
      "{ issuer: 'http://a.example', client_id: a, client_secret: b }",
      /https:\/\/ URL of an issuer/,
    ],
    ["{ issuer: 'https://a.example?x', client_id: a, client_secret: b }", /no query/],
    [
      "{ token_endpoint: 'http://a.example', client_id: a, client_secret: b }",
      /to this machine only/,
    ],
    ["{ issuer: 'http://127.0.0.1', client_id: a, client_secret: b, tls: {} }", /plain http/],
    ['{ issuer: \'https://a.example\', client_id: a, client_secret: "b\\nc" }', /printable ASCII/],
    ["{ issuer: 'https://a.example', client_id: a, client_secret: b, scope: 'a  b' }", /one space/],
    ["{ issuer: 'https://a.example', client_id: a, client_secret: b, resource: 'x' }", /https/],
    [
      "{ issuer: 'https://a.example', client_id: a, client_secret: b, exchange_from: [] }",
      /exchange_from/,
    ],
    [
      "{ issuer: 'https://a.example', client_id: a, client_secret: b, tls: { profile: none } }",
      /no profile/,
    ],
  ];
  for (const [authorization, reason] of refused) {
    const reading = read(`{ url: 'https://notes.example', authorization: ${authorization} }`);
    assert.ok(!reading.ok, authorization);
    const told = reading.diagnostics.map(({ path, message }) => `${path}: ${message}`);
    assert.match(told.join(), reason);
  }
  const twice = read(
    `{ url: 'https://n.example', headers: { authorization: x },
       authorization: { issuer: 'https://a.example', client_id: a, client_secret: b } }`,
  );
  assert.ok(!twice.ok);
  assert.match(JSON.stringify(twice.diagnostics), /go into this header/);
});

test('R-24 effective settings tell of an authorization, and not its secret', () => {
  const authorization =
    "{ issuer: 'https://login.example', client_id: postern, client_secret: s3cr3t }";
  const reading = read(
    `{ url: 'https://notes.example', addresses: public, authorization: ${authorization} }`,
  );
  assert.ok(reading.ok);
  const rows = effectiveSettings(reading.settings, reading.origins);
  const shown = new Map(
    rows.map(({ path, value }) => [path.replace('servers.notes.http.', ''), value]),
  );
  assert.equal(shown.get('authorization.issuer'), 'https://login.example');
  assert.equal(shown.get('authorization.resource'), 'https://notes.example');
  assert.equal(shown.get('authorization.tls.profile'), 'hybrid');
  assert.equal(shown.get('addresses'), 'public');
  assert.doesNotMatch(JSON.stringify(rows), /s3cr3t/);
});
