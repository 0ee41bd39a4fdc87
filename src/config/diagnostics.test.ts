import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from '#lib';
import { configInvalid } from './errors.ts';
import { readConfig } from './load.ts';

const URL_PATH = 'servers.a.http.url';
const SERVERS = 'servers: { files: { stdio: { command: node } } }\n';

type Said = readonly [
  line: number,
  column: number,
  path: string,
  message: RegExp,
  suggestion?: string,
];
type Case = readonly [text: string, said: Said];

/** Text after `version: 1`, and what is said about it: line, column, path, message, suggestion. */
const PROFILES: readonly Case[] = [
  [
    'profiles: { p: { groups: [X25519MLKEM786] } }',
    [2, 27, 'profiles.p.groups[0]', /unknown group; known are X25519MLKEM768/, 'X25519MLKEM768'],
  ],
  [
    'profiles: { p: { groups: [ML-KEM-768] } }',
    [2, 27, 'profiles.p.groups[0]', /unknown group/, 'MLKEM768'],
  ],
  ['profiles: { p: { groups: [] } }', [2, 16, 'profiles.p', /groups is an empty list/]],
  [
    'profiles: { p: { signatures: [RSA] } }',
    [2, 31, 'profiles.p.signatures[0]', /unknown signature/, 'RSA-PSS'],
  ],
  [
    'profiles: { p: { groups: [X25519, X25519MLKEM768] } }',
    [2, 16, 'profiles.p', /tier of their own/],
  ],
  [
    'profiles: { p: { fallback_groups: [X25519MLKEM768] } }',
    [2, 16, 'profiles.p', /has one twice/],
  ],
  ['profiles: { hybrid: {} }', [2, 21, 'profiles.hybrid', /built-in profile has this name/]],
  ['profiles: { p: { extends: hybird } }', [2, 27, 'profiles.p.extends', /not allowed/, 'hybrid']],
  [
    'profiles: { partners: {} }\nlisteners: [{ name: a, address: 127.0.0.1:1, tls: { profile: parners } }]',
    [3, 62, 'listeners[0].tls.profile', /no profile has this name/, 'partners'],
  ],
];

const LISTENERS: readonly Case[] = [
  ['listeners: []', [2, 12, 'listeners', /must not be empty/]],
  ['listeners: [{ name: a }]', [2, 13, 'listeners[0].address', /missing/]],
  [listener('x'), [3, 14, 'listeners[0].address', /expected host:port/]],
  [listener('7443'), [3, 14, 'listeners[0].address', /expected host:port, such as/]],
  [listener('":7443"'), [3, 14, 'listeners[0].address', /host is missing/, '127.0.0.1:7443']],
  [listener('"*:7443"'), [3, 14, 'listeners[0].address', /host is missing/, '0.0.0.0:7443']],
  [listener('::1:7443'), [3, 14, 'listeners[0].address', /expected host:port/, '[::1]:7443']],
  [listener('"[gg]:1"'), [3, 14, 'listeners[0].address', /IPv6/]],
  [listener('127.0.0.1:70000'), [3, 14, 'listeners[0].address', /at most 65535/]],
  [listener('127.1:1'), [3, 14, 'listeners[0].address', /DNS name or an IP address/]],
  [listener('0.0.0.0:1, tls: off'), [3, 30, 'listeners[0].tls', /loopback address only/]],
  [listener('gw.example:1, tls: false'), [3, 33, 'listeners[0].tls', /expected "off"/, 'off']],
  [
    listener('127.0.0.1:1, tls: { profile: hybird }'),
    [3, 43, 'listeners[0].tls.profile', /not allowed/, 'hybrid'],
  ],
  [
    listener('127.0.0.1:1, server_names: ["*.example.com"]'),
    [3, 42, 'listeners[0].server_names[0]', /wildcards/],
  ],
  [
    listener('127.0.0.1:1, allowed_origins: ["*"]'),
    [3, 45, 'listeners[0].allowed_origins[0]', /each origin must be named/],
  ],
  [
    listener('127.0.0.1:1, allowed_origins: ["https://a.example/x"]'),
    [3, 45, 'listeners[0].allowed_origins[0]', /scheme:\/\/host/, 'https://a.example'],
  ],
  [
    listener('127.0.0.1:1, allowed_origins: ["https://A.example:443"]'),
    [3, 45, 'listeners[0].allowed_origins[0]', /differently/, 'https://a.example'],
  ],
  [
    'listeners:\n  - { name: a, address: "[::1]:1" }\n  - { name: a, address: "[::1]:2" }',
    [4, 13, 'listeners[1].name', /same name/],
  ],
  [
    'listeners:\n  - { name: a, address: 127.0.0.1:9 }\n  - { name: b, address: 0.0.0.0:9 }',
    [4, 25, 'listeners[1].address', /collides with the address of listener "a"/],
  ],
  ['admin: { address: 0.0.0.0:7480 }', [2, 19, 'admin.address', /loopback/]],
  ['admin: { address: localhost:7443 }', [2, 19, 'admin.address', /collides.*"main"/]],
];

const SERVER: readonly Case[] = [
  [server('{}'), [2, 12, 'servers.a', /none of "stdio", "http" and "sse"/]],
  [
    server('{ stdio: { command: x }, http: { url: "https://h/" } }'),
    [2, 12, 'servers.a', /both "stdio" and "http"/],
  ],
  [
    server('{ sse: { url: "https://h/" }, http: { url: "https://h/" } }'),
    [2, 12, 'servers.a', /both "http" and "sse"/],
  ],
  [server('{ command: x }'), [2, 17, 'servers.a.command', /unknown key/, 'stdio.command']],
  [server('{ stdio: { command: npx -y x } }'), [2, 35, 'servers.a.stdio.command', /args/, 'npx']],
  [server('{ stdio: { command: "" } }'), [2, 35, 'servers.a.stdio.command', /empty/]],
  [server('{ stdio: { command: x, args: ["\\0"] } }'), [2, 45, 'servers.a.stdio.args[0]', /NUL/]],
  [
    server('{ stdio: { command: x, cwd: ~/x } }'),
    [2, 43, 'servers.a.stdio.cwd', /"~" is not expanded/],
  ],
  [
    server('{ stdio: { command: x, env: { "A=B": c } } }'),
    [2, 45, 'servers.a.stdio.env["A=B"]', /no "="/],
  ],
  [
    server('{ http: { url: h.example/mcp } }'),
    [2, 30, URL_PATH, /https:\/\//, 'https://h.example/mcp'],
  ],
  [server('{ http: { url: "ftp://h/" } }'), [2, 30, URL_PATH, /starts with https/]],
  [server('{ http: { url: "https://h/#x" } }'), [2, 30, URL_PATH, /fragment/]],
  [server('{ http: { url: "http://h/" } }'), [2, 30, URL_PATH, /this machine only/, 'https://h/']],
  [server('{ http: {} }'), [2, 17, 'servers.a.http', /has no "url"/]],
  [
    server('{ http: { url: "https://h/", urls: ["https://i/"] } }'),
    [2, 17, 'servers.a.http', /has both "url" and "urls"/],
  ],
  [
    server('{ http: { urls: ["https://h/", "http://[::1]/"] } }'),
    [2, 46, 'servers.a.http.urls[1]', /all are https/],
  ],
  [
    server('{ http: { urls: ["https://h/", "https://H/?a"] } }'),
    [2, 46, 'servers.a.http.urls[1]', /there already/],
  ],
  [
    server('{ http: { url: "https://h/", health: { path: healthz } } }'),
    [2, 60, 'servers.a.http.health.path', /starts with "\/"/],
  ],
  [
    server('{ http: { url: "http://[::1]/", tls: {} } }'),
    [2, 47, 'servers.a.http.tls', /without TLS/],
  ],
  [
    server('{ http: { url: "https://h/", tls: { server_name: 192.0.2.1 } } }'),
    [2, 64, 'servers.a.http.tls.server_name', /not an IP address/],
  ],
  [
    server('{ http: { url: "https://h/", headers: { Host: x } } }'),
    [2, 55, 'servers.a.http.headers.Host', /sets this header itself/],
  ],
  [
    server('{ http: { url: "https://h/", headers: { X: "${TOKEN}" } } }'),
    [2, 58, 'servers.a.http.headers.X', /not substituted/],
  ],
  [
    server('{ http: { url: "https://h/", headers: { X: a, x: b } } }'),
    [2, 61, 'servers.a.http.headers.x', /occurs twice/],
  ],
  [
    server('{ http: { url: "https://h/", headers: { X: "a\\r\\nb" } } }'),
    [2, 58, 'servers.a.http.headers.X', /printable ASCII/],
  ],
  [
    header('{ file: a, env: B }'),
    [2, 55, 'servers.a.http.headers.X', /more than one of "file", "env" and "command"/],
  ],
  [header('{ prefix: "Bearer " }'), [2, 55, 'servers.a.http.headers.X', /neither text nor/]],
  [header('{ fil: a }'), [2, 60, 'servers.a.http.headers.X.fil', /unknown key/, 'file']],
  [
    header('{ file: a, refresh_ms: 5000 }'),
    [2, 69, 'servers.a.http.headers.X.refresh_ms', /only a command is run again/],
  ],
  [header('{ command: [] }'), [2, 69, 'servers.a.http.headers.X.command', /empty|at least/]],
  [
    header('{ command: [x], refresh_ms: 1 }'),
    [2, 86, 'servers.a.http.headers.X.refresh_ms', /at least 1000/],
  ],
  [
    server('{ http: { url: "https://h/", tls: { client_certificate: { pkcs12: a } } } }'),
    [2, 51, 'servers.a.http.tls.client_certificate.passphrase_file', /missing/],
  ],
  [
    server('{ sse: { url: "http://127.0.0.1/", tls: {} } }'),
    [2, 50, 'servers.a.sse.tls', /without TLS/],
  ],
  [
    server('{ sse: { url: "https://h/", tls: { profile: strct } } }'),
    [2, 59, 'servers.a.sse.tls.profile', /no profile has this name/, 'strict'],
  ],
  ['servers: {}', [2, 10, 'servers', /at least one server/]],
  ['servers: { A: { stdio: { command: x } } }', [2, 12, 'servers.A', /lower-case letters/]],
];

const REST: readonly Case[] = [
  ['state_dir: ""', [2, 12, 'state_dir', /empty/]],
  ['trust_domain: Corp.Example', [2, 15, 'trust_domain', /lower-case/, 'corp.example']],
  ['polciy: x', [2, 1, 'polciy', /unknown key/, 'policy']],
  ['audit: { mode: durabel }', [2, 16, 'audit.mode', /not allowed/, 'durable']],
  ['log: { level: warning }', [2, 15, 'log.level', /not allowed/, 'warn']],
  ['log:', [2, 5, 'log', /expected a mapping, got nothing/]],
  ['limits: { max_request_bytes: 5 }', [2, 30, 'limits.max_request_bytes', /at least 1024/]],
  ['limits: { max_json_depth: 9999 }', [2, 27, 'limits.max_json_depth', /at most 1024/]],
  ['limits: { maxJsonDepth: 99 }', [2, 11, 'limits.maxJsonDepth', /unknown/, 'max_json_depth']],
  [
    'limits: { upstream_backoff_max_ms: 100 }',
    [2, 36, 'limits.upstream_backoff_max_ms', /at least upstream_backoff_min_ms, which is 500/],
  ],
  [
    'limits: { child_backoff_min_ms: 5000, child_backoff_max_ms: 100 }',
    [2, 61, 'limits.child_backoff_max_ms', /at least child_backoff_min_ms/],
  ],
];

for (const [text, [line, column, path, message, suggestion]] of [
  ...PROFILES,
  ...LISTENERS,
  ...SERVER,
  ...REST,
]) {
  test(`refused at its place: ${text.replaceAll('\n', ' ')}`, () => {
    const rest = text.startsWith('servers:') ? '' : SERVERS;
    const [found, ...more] = problems(`version: 1\n${text}\n${rest}`);
    assert.deepEqual(more, []);
    assert.ok(found);
    assert.deepEqual([found.line, found.column, found.path], [line, column, path]);
    assert.match(found.message, message);
    assert.equal(found.suggestion, suggestion);
  });
}

test('a missing or other version is refused', () => {
  assert.deepEqual(
    problems(SERVERS).map(({ line, column, path }) => [line, column, path]),
    [[1, 1, 'version']],
  );
  const [other] = problems(`version: 2\n${SERVERS}`);
  assert.deepEqual([other?.column, other?.value, other?.allowed], [10, '2', ['1']]);
});

test('what is allowed is listed', () => {
  assert.deepEqual(allowedFor('audit: { mode: x }'), ['durable', 'async', 'off']);
  assert.deepEqual(allowedFor('log: { colour: x }'), ['level', 'format']);
  assert.deepEqual(allowedFor(listener('127.0.0.1:1, tls: { profile: x }')), [
    'hybrid',
    'transition',
    'cnsa2',
    'strict',
  ]);
});

test('mistakes of all sections come together, in the order of the file', () => {
  const text = `version: 1
listeners:
  - { name: a, address: 127.0.0.1:9, tls: { profile: hybird } }
  - { name: a, address: 127.0.0.1:9 }
admin: { address: 10.0.0.1:1 }
${SERVERS}logs: {}
`;
  assert.deepEqual(
    problems(text).map(({ line, path }) => [line, path]),
    [
      [3, 'listeners[0].tls.profile'],
      [4, 'listeners[1].name'],
      [4, 'listeners[1].address'],
      [5, 'admin.address'],
      [7, 'logs'],
    ],
  );
});

test('credentials in a refused URL are not repeated', () => {
  const text = `version: 1\n${server('{ http: { url: "https://me:s3cret@h/" } }')}\n`;
  const found = problems(text);
  assert.match(found[0]?.message ?? '', /credentials are not allowed in the URL/);
  const error = configInvalid(found, text);
  assert.doesNotMatch(JSON.stringify([found, error.message, error.details]), /s3cret/);
});

function problems(text: string): readonly Diagnostic[] {
  const reading = readConfig(text, 'postern.yaml');
  assert.equal(reading.ok, false, `should be refused:\n${text}`);
  return reading.ok ? [] : reading.diagnostics;
}

function allowedFor(text: string): readonly string[] | undefined {
  return problems(`version: 1\n${text}\n${SERVERS}`)[0]?.allowed;
}

function listener(address: string): string {
  return `listeners:\n- { address: ${address}, name: a }`;
}

function header(value: string): string {
  return server(`{ http: { url: "https://h/", headers: { X: ${value} } } }`);
}

function server(value: string): string {
  return `servers: { a: ${value} }`;
}
