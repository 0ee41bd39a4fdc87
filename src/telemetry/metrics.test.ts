import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from './metrics.ts';

const ENDPOINTS = [
  { endpoint: 'h:1/mcp', state: 'up' },
  { endpoint: 'h:2/mcp', state: 'down' },
];
const SERVER = {
  name: 'a',
  sessions: 2,
  children: 1,
  connections: 0,
  endpoints: ENDPOINTS,
  retries: 4,
};

test('R-24 calls are counted by server, by the revision of each side, and by outcome', () => {
  const metrics = new Metrics();
  const client = { era: 'stateless', revision: '2026-07-28' } as const;
  const upstream = { era: 'stateful', revision: '2025-11-25' } as const;
  for (const outcome of ['ok', 'ok', 'rpc_error']) {
    metrics.call({ server: 'a', client, upstream, outcome });
  }
  metrics.call({ server: null, client, upstream: null, outcome: 'denied' });
  metrics.rejected('main', 'POSTERN_HEADER_MISMATCH');
  metrics.shed('max_turn_ms');
  const lines = metrics.text({ ready: true, callsInFlight: 3, servers: [SERVER] }).split('\n');
  const sides =
    'client_era="stateless",client_revision="2026-07-28",' +
    'upstream_era="stateful",upstream_revision="2025-11-25"';
  for (const line of [
    '# TYPE postern_calls_total counter',
    `postern_calls_total{server="a",${sides},outcome="ok"} 2`,
    `postern_calls_total{server="a",${sides},outcome="rpc_error"} 1`,
    'postern_requests_rejected_total{listener="main",code="POSTERN_HEADER_MISMATCH"} 1',
    'postern_upstream_retries_total{server="a"} 4',
    'postern_calls_shed_total{limit="max_turn_ms"} 1',
    'postern_ready 1',
    'postern_calls_in_flight 3',
    'postern_sessions{server="a"} 2',
    'postern_child_processes{server="a"} 1',
    'postern_upstream_connections{server="a"} 0',
    'postern_upstream_endpoint_up{server="a",endpoint="h:1/mcp"} 1',
    'postern_upstream_endpoint_up{server="a",endpoint="h:2/mcp"} 0',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('R-24 every line is one that Prometheus reads', () => {
  const metrics = new Metrics();
  metrics.rejected('a "name"\\\nof two lines', 'X');
  const text = metrics.text({ ready: false, callsInFlight: 0, servers: [SERVER] });
  assert.ok(text.endsWith('\n'));
  const sample = /^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? \d+$/;
  for (const line of text.trimEnd().split('\n')) {
    if (!line.startsWith('# ')) assert.match(line, sample);
  }
});
