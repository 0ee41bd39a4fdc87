import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Profile } from '#crypto';
import { profileByName } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import { OLDEST_REVISION, revisionByName } from '#mcp';
import * as fc from 'fast-check';
import { z } from 'zod';
import { anyCharacter } from '../../test/support/any-text.ts';
import { effectiveSettings } from './effective.ts';
import { ConfigInvalid, configInvalid } from './errors.ts';
import { defaultSettingsFor, loadConfigFile, readConfig } from './load.ts';
import { configSchema } from './schema.ts';
import type { Settings } from './settings.ts';

const FILE = '/etc/postern/postern.yaml';
const SERVERS = 'servers: { files: { stdio: { command: node } } }\n';

const FULL = `version: 1
state_dir: ./state
trust_domain: corp.example
policy: ../policy.yaml
listeners:
  - name: main
    address: "[::1]:7443"
    tls: { profile: transition, client_certificates: required }
    server_names: [GW.example.com, 192.0.2.1]
    allowed_origins: ["https://app.example.com", "app://local"]
  - name: local
    address: localhost:0
    tls: off
admin: off
servers:
  files:
    stdio: { command: ./run.sh, args: [--api-key, abc, "--token=xyz", ok], env: {A: b, B: {env: MAIN_B}}, pass_env: [HOME], cwd: ./x, instances: principal, run_as: { uid: 1, gid: 2 }, rlimits: { open_files: 64 }, sandbox: strict, readable: [in], writable: [out] }
  notes:
    http:
      url: https://notes.example.com/mcp?key=abc
      tls: { ca: ./ca.pem, crl: ./crl.pem, server_name: Notes.Internal }
      timeouts: { idle_ms: 2000 }
      health: { path: /healthz }
      headers: { Authorization: Bearer abc, X-A: {file: ./a, prefix: "A "}, X-B: {command: [bin/b, xyz]} }
  near:
    http: { urls: ["http://127.0.0.1:8080/mcp", "http://[::1]/"] }
audit: { mode: async }
log: { level: debug, format: json }
limits: { max_request_bytes: 2048 }
`;

function settingsOf(text: string): Settings {
  const reading = readConfig(text, FILE);
  assert.ok(reading.ok, reading.ok ? '' : JSON.stringify(reading.diagnostics, null, 1));
  return reading.settings;
}

const UNCONFINED = {
  rlimits: {
    memoryBytes: null,
    openFiles: null,
    processes: null,
    cpuSeconds: null,
    fileBytes: null,
  },
  runAs: null,
  sandbox: 'off',
  readable: [],
  writable: [],
} as const;

test('the least configuration gets every default', () => {
  const settings = settingsOf(`version: 1\n${SERVERS}`);
  const hybrid = profileByName('hybrid');
  assert.deepEqual(settings, {
    stateDir: null,
    trustDomain: 'postern.internal',
    sealingKeysFile: null,
    policyFile: null,
    profiles: [],
    workers: 1,
    listeners: [
      {
        name: 'main',
        host: '127.0.0.1',
        port: 7443,
        tls: {
          profile: hybrid,
          clientCertificates: 'optional',
          certificates: [],
          clientCaFile: null,
          clientCaNames: [],
          clientCrlFile: null,
          secondProof: 'off',
        },
        serverNames: [],
        allowedOrigins: [],
        authorization: null,
        minRevision: OLDEST_REVISION,
        legacySse: true,
      },
    ],
    admin: { host: '127.0.0.1', port: 7480 },
    servers: [
      {
        name: 'files',
        transport: {
          kind: 'stdio',
          command: 'node',
          args: [],
          env: {},
          envSources: {},
          passEnv: [],
          cwd: null,
          instances: 'session',
          confinement: UNCONFINED,
        },
        alias: 'files',
        federated: true,
        era: 'auto',
        bridged: true,
      },
    ],
    federation: { separator: '__', sets: [] },
    audit: { mode: 'durable' },
    log: { level: 'info', format: 'auto' },
    limits: DEFAULT_LIMITS,
    files: { secret: [FILE], trusted: [] },
  });
});

test('a full configuration: paths absolute, names in lower case, rows instead of names', () => {
  const settings = settingsOf(FULL);
  assert.equal(settings.stateDir, '/etc/postern/state');
  assert.equal(settings.policyFile, '/etc/policy.yaml');
  assert.equal(settings.admin, null);
  assert.deepEqual(settings.listeners, [
    {
      name: 'main',
      host: '::1',
      port: 7443,
      tls: {
        profile: profileByName('transition'),
        clientCertificates: 'required',
        certificates: [],
        clientCaFile: null,
        clientCaNames: [],
        clientCrlFile: null,
        secondProof: 'off',
      },
      serverNames: ['gw.example.com', '192.0.2.1'],
      allowedOrigins: ['https://app.example.com', 'app://local'],
      authorization: null,
      minRevision: OLDEST_REVISION,
      legacySse: true,
    },
    {
      name: 'local',
      host: 'localhost',
      port: 0,
      tls: null,
      serverNames: [],
      allowedOrigins: [],
      authorization: null,
      minRevision: OLDEST_REVISION,
      legacySse: true,
    },
  ]);
  const [files, notes, near] = settings.servers.map(({ transport }) => transport);
  assert.deepEqual(files, {
    kind: 'stdio',
    command: '/etc/postern/run.sh',
    args: ['--api-key', 'abc', '--token=xyz', 'ok'],
    env: { A: 'b' },
    envSources: { B: { kind: 'env', variable: 'MAIN_B', prefix: '' } },
    passEnv: ['HOME'],
    cwd: '/etc/postern/x',
    instances: 'principal',
    confinement: {
      rlimits: { ...UNCONFINED.rlimits, openFiles: 64 },
      runAs: { uid: 1, gid: 2 },
      sandbox: 'strict',
      readable: ['/etc/postern/in'],
      writable: ['/etc/postern/out'],
    },
  });
  assert.deepEqual(notes, {
    kind: 'http',
    urls: [new URL('https://notes.example.com/mcp?key=abc')],
    timeouts: { connectMs: null, idleMs: 2000, callMs: null },
    health: { intervalMs: 10_000, path: '/healthz' },
    tls: {
      profile: profileByName('hybrid'),
      ca: { file: '/etc/postern/ca.pem' },
      crlFile: '/etc/postern/crl.pem',
      pins: [],
      clientCertificate: null,
      secondCertificate: null,
      serverName: 'notes.internal',
    },
    headers: { Authorization: 'Bearer abc' },
    headerSources: {
      'X-A': { kind: 'file', file: '/etc/postern/a', prefix: 'A ' },
      'X-B': {
        kind: 'command',
        command: ['/etc/postern/bin/b', 'xyz'],
        refreshMs: 600_000,
        prefix: '',
      },
    },
    addresses: 'private',
    authorization: null,
  });
  assert.ok(near?.kind === 'http');
  assert.equal(near.tls, null);
  assert.deepEqual(
    near.urls.map(({ href }) => href),
    ['http://127.0.0.1:8080/mcp', 'http://[::1]/'],
  );
  assert.deepEqual(settings.limits, { ...DEFAULT_LIMITS, maxRequestBytes: 2048 });
});

test('R-02 profiles of the deployment extend built-in ones, in any spelling of the names', () => {
  const { listeners, profiles, servers } = settingsOf(`version: 1
profiles:
  partners:
    groups: [secp384r1_mlkem1024, X25519Kyber768]
    fallback_groups: [secp384r1]
  quiet: { extends: transition, ciphers: [aes-256-gcm] }
listeners:
  - { name: main, address: 127.0.0.1:1, tls: { profile: partners } }
servers:
  a: { http: { url: 'https://a.example/', tls: { profile: quiet } } }
`);
  const [partners, quiet] = profiles;
  const tiers = (profile: Profile | undefined) =>
    profile?.groupTiers.map((tier) => tier.map(({ name }) => name));
  assert.deepEqual(tiers(partners), [['SecP384r1MLKEM1024', 'X25519MLKEM768'], ['P-384']]);
  assert.deepEqual(partners?.signatures, profileByName('hybrid')?.signatures);
  assert.deepEqual(tiers(quiet), tiers(profileByName('transition')));
  assert.deepEqual(
    quiet?.ciphers.map(({ name }) => name),
    ['TLS_AES_256_GCM_SHA384'],
  );
  assert.equal(listeners[0]?.tls?.profile, partners);
  const [server] = servers;
  assert.ok(server?.transport.kind === 'http');
  assert.equal(server.transport.tls?.profile, quiet);
});

test('R-23 a listener says which revision of MCP is the oldest that it takes', () => {
  const listener = (min: string) =>
    `listeners: [{ name: a, address: "127.0.0.1:0", min_revision: ${min} }]\n`;
  const [strict] = settingsOf(`version: 1\n${SERVERS}${listener('2025-06-18')}`).listeners;
  assert.deepEqual(strict?.minRevision, revisionByName('2025-06-18'));
  assert.equal(readConfig(`version: 1\n${SERVERS}${listener('2025-06-19')}`, FILE).ok, false);
});

test('R-23 HTTP+SSE is off without a word where its revision is refused, unless somebody asked for it', () => {
  const listener = (more: string) =>
    `version: 1\n${SERVERS}listeners:\n  - { name: a, address: "127.0.0.1:0", ${more} }\n`;
  const [later] = settingsOf(listener('min_revision: 2025-06-18')).listeners;
  assert.equal(later?.legacySse, false);
  const [off] = settingsOf(listener('legacy_sse: off')).listeners;
  assert.equal(off?.legacySse, false);
  const [asked] = settingsOf(listener('legacy_sse: on, min_revision: 2024-11-05')).listeners;
  assert.equal(asked?.legacySse, true);
  const contradiction = readConfig(listener('min_revision: 2025-06-18, legacy_sse: on'), FILE);
  assert.ok(!contradiction.ok);
  const [problem, ...others] = contradiction.diagnostics;
  assert.deepEqual([problem?.path, problem?.line, others], ['listeners[0].legacy_sse', 4, []]);
  assert.match(problem?.message ?? '', /set this to off, or min_revision to 2024-11-05/);
});

test('effective settings tell value and origin, and no secret', () => {
  const reading = readConfig(FULL, 'postern.yaml');
  assert.ok(reading.ok);
  const rows = effectiveSettings(reading.settings, reading.origins);
  const shown = new Map(rows.map(({ path, value, origin }) => [path, [value, origin]]));
  assert.equal(shown.size, rows.length, 'each path once');
  const expected: Record<string, readonly unknown[]> = {
    trust_domain: ['corp.example', 'postern.yaml:3'],
    'listeners[0].address': ['[::1]:7443', 'postern.yaml:7'],
    'listeners[0].tls.profile': ['transition', 'postern.yaml:8'],
    'listeners[1].tls': ['off', 'postern.yaml:13'],
    'listeners[1].server_names': [[], 'default'],
    admin: ['off', 'postern.yaml:14'],
    'servers.files.stdio.args': [['--api-key', '•••', '--token=•••', 'ok'], 'postern.yaml:17'],
    'servers.files.stdio.instances': ['principal', 'postern.yaml:17'],
    'servers.files.stdio.run_as.uid': [1, 'postern.yaml:17'],
    'servers.files.stdio.run_as.gid': [2, 'postern.yaml:17'],
    'servers.files.stdio.rlimits.open_files': [64, 'postern.yaml:17'],
    'servers.files.stdio.env.A': ['•••', 'postern.yaml:17'],
    'servers.notes.http.url': ['https://notes.example.com/mcp?key=•••', 'postern.yaml:20'],
    'servers.notes.http.tls.profile': ['hybrid', 'default'],
    'servers.files.stdio.env.B': ['from variable MAIN_B', 'postern.yaml:17'],
    'servers.notes.http.tls.crl': [resolve('crl.pem'), 'postern.yaml:21'],
    'servers.notes.http.timeouts.idle_ms': [2000, 'postern.yaml:22'],
    'servers.notes.http.health.interval_ms': [10_000, 'default'],
    'servers.near.http.urls': [['http://127.0.0.1:8080/mcp', 'http://[::1]/'], 'postern.yaml:26'],
    'servers.notes.http.headers.Authorization': ['•••', 'postern.yaml:24'],
    'servers.notes.http.headers.X-A': [`from file ${resolve('a')}`, 'postern.yaml:24'],
    'servers.notes.http.headers.X-B': [`from command ${resolve('bin/b')}`, 'postern.yaml:24'],
    'limits.max_request_bytes': [2048, 'postern.yaml:29'],
    'limits.max_json_depth': [128, 'default'],
  };
  for (const [path, row] of Object.entries(expected)) assert.deepEqual(shown.get(path), row, path);
  assert.doesNotMatch(JSON.stringify(rows), /abc|xyz/);
});

test('R-11 effective settings have every setting of a program', () => {
  const reading = readConfig(FULL, 'postern.yaml');
  assert.ok(reading.ok);
  const at = 'servers.files.stdio.';
  const shown = effectiveSettings(reading.settings, reading.origins)
    .filter(({ path }) => path.startsWith(at))
    .map(({ path }) => path.slice(at.length).replace(/^(env)\..*/, '$1'));
  const { servers } = z.toJSONSchema(configSchema, { io: 'input' }).properties ?? {};
  const server = (servers as JsonSchema).additionalProperties as JsonSchema;
  assert.deepEqual([...new Set(shown)].toSorted(), keysIn(server.properties?.['stdio']).toSorted());
});

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Paths of the settings in a schema, those of nested mappings too. */
function keysIn(schema: z.core.JSONSchema._JSONSchema | undefined): readonly string[] {
  return Object.entries((schema as JsonSchema).properties ?? {}).flatMap(([key, inner]) => {
    const within = keysIn(inner);
    return within.length === 0 ? [key] : within.map((path) => `${key}.${path}`);
  });
}

test('settings without a file: the servers given, everything else at its default', () => {
  const given = { main: { stdio: { command: './server', args: ['-v'] } } };
  const settings = defaultSettingsFor({ servers: given }, '/srv');
  const others = { servers: [], files: { secret: [], trusted: ['/srv/server'] } };
  assert.deepEqual(settings.files, others.files);
  assert.deepEqual(
    { ...settings, ...others },
    { ...settingsOf(`version: 1\n${SERVERS}`), ...others },
  );
  assert.deepEqual(settings.servers[0]?.transport, {
    kind: 'stdio',
    command: '/srv/server',
    args: ['-v'],
    env: {},
    envSources: {},
    passEnv: [],
    cwd: null,
    instances: 'session',
    confinement: UNCONFINED,
  });
  const remote = { main: { http: { url: 'http://example.com/' } } };
  assert.throws(
    () => defaultSettingsFor({ servers: remote }),
    (error) => {
      assert.ok(error instanceof ConfigInvalid);
      assert.match(error.message, /^servers\.main\.http\.url: plain http:\/\/.*https:\/\/example/);
      return true;
    },
  );
});

test('a file is loaded, or refused with its text', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-config-'));
  try {
    const file = join(directory, 'postern.yaml');
    await writeFile(file, `version: 1\npolicy: p.yaml\n${SERVERS}`);
    const good = await loadConfigFile(file);
    assert.ok(good.ok);
    assert.equal(good.settings.policyFile, join(directory, 'p.yaml'));
    await writeFile(file, 'version: 2\n');
    const bad = await loadConfigFile(file);
    assert.ok(!bad.ok);
    assert.equal(bad.text, 'version: 2\n');
    const error = configInvalid(bad.diagnostics, bad.text);
    assert.equal(error.code, 'POSTERN_CONFIG_INVALID');
    assert.match(error.message, /postern\.yaml:1:10: version: .*\n {4}1 \| version: 2\n/);
    assert.equal((error.details['problems'] as string[]).length, 2);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('property: reading never throws; a mutated configuration is read or refused', () => {
  const insertions = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 5 }),
    fc.constantFrom(
      '\n',
      ': ',
      '- ',
      '[',
      '}',
      '"',
      '&a ',
      '*a',
      '<<: ',
      '__proto__: ',
      'null',
      '~',
    ),
  );
  const edit = fc.tuple(fc.nat(FULL.length), fc.nat(8), insertions);
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = FULL;
      for (const [at, removed, added] of edits) {
        text = text.slice(0, at) + added + text.slice(at + removed);
      }
      const reading = readConfig(text, FILE);
      if (reading.ok) effectiveSettings(reading.settings, reading.origins);
      else assert.ok(configInvalid(reading.diagnostics, text).message.length > 0);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      readConfig(`version: 1\nlisteners: ${JSON.stringify(value)}\n`, FILE);
      readConfig(JSON.stringify(value), FILE);
    }),
  );
});
