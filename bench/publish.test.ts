import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Window } from './load/plan.ts';
import { merge } from './publish.ts';
import { renderCharts } from './report/charts.ts';
import { renderDocument } from './report/document.ts';
import type { CaseResult, Results } from './results.ts';

const NONE = { userMs: 0, systemMs: 0 };
const LATENCY = { p50: 400, p99: 2000, p999: 4000, max: 9000 };
const QUIET = { share: 0.5, calls: 500, latencyUs: { ...LATENCY, p99: 1500 } };

/** A window of one second in which the subject took so many microseconds per call. */
function windowOf(usPerCall: number): Window {
  const subject = { userMs: usPerCall, systemMs: 0 };
  return {
    seconds: 1,
    calls: 1000,
    errors: 0,
    complaints: [],
    latencyUs: LATENCY,
    cpu: { subject, server: NONE, upstream: NONE, generator: NONE, other: NONE },
    stolenMs: 20,
    mainThreads: subject,
    from: 0,
    to: 1e6,
  };
}

function caseOf(name: string, run: string, costs: readonly number[]): CaseResult {
  const rounds = costs.map((cost) => ({
    report: {
      link: 'plain',
      closed: windowOf(cost),
      open: { ...windowOf(cost), rate: 500, latenessUs: LATENCY, quiet: QUIET },
    },
    peakRss: { subject: 1e8, server: 0 },
    cores: 1,
    clock: 100,
  }));
  return {
    name,
    title: `<${name}>`,
    group: 'http',
    baseline: 'direct-pq',
    run,
    skipped: null,
    failed: null,
    rounds,
  };
}

function runOf(startedAt: string, cases: Readonly<Record<string, readonly number[]>>): Results {
  return {
    startedAt,
    machine: {
      cores: 2,
      cpu: 'a processor',
      memoryBytes: 1e9,
      kernel: 'Linux 6.1',
      node: '26.10.0',
      openssl: '3.5.8',
      programs: { nginx: '1.22.1' },
      pinning: { subject: 0, generator: 1, upstream: 1 },
    },
    rounds: 3,
    windowSeconds: 1,
    cases: Object.entries(cases).map(([name, costs]) => caseOf(name, startedAt, costs)),
    profiles: [],
  };
}

const ORDER = ['direct-pq', 'postern-pq-durable', 'nginx'];
const OLD = runOf('2026-01-01T00:00:00.000Z', {
  'direct-pq': [50],
  'postern-pq-durable': [200],
  nginx: [40],
  gone: [1],
});

test('the page has medians, their spread, ratios within rounds, and the goals', () => {
  // The machine was twice as slow in the second round.
  const costs = {
    'direct-pq': [50, 100, 52],
    'postern-pq-durable': [90, 180, 91],
    nginx: [40, 79, 40],
  };
  const page = renderDocument(runOf('2026-02-02T00:00:00.000Z', costs), '## Reading messages');
  assert.match(
    page,
    /\| <postern-pq-durable> +\| +1000 \|.* 91 \(90–180\) .* 1\.80 \(1\.75–1\.80\) \| +2\.27/,
  );
  assert.match(
    page,
    /CPU × bare node:https \| +at most 2\.00 \| +1\.80 \(1\.75–1\.80\) \| yes +\|/,
  );
  assert.match(page, /CPU × nginx +\| +at most 1\.50 \| .* \| no +\|/);
  assert.match(page, /p99 ms +\| +at most 3\.00 \| +2\.00 \| yes/);
  assert.match(page, /p99 ms, undisturbed +\| +at most 3\.00 \| +1\.50 \| yes/);
  assert.match(page, /The hypervisor took 1\.0 % of/);
  assert.match(page, /supergateway +\| at least 4\.00 \| +– \| – not measured/);
  assert.match(page, /\n## Reading messages\n/);
});

test('what was not measured again stays, without ratios to what was', () => {
  const now = runOf('2026-02-02T00:00:00.000Z', { 'direct-pq': [60], 'postern-pq-durable': [150] });
  const merged = merge(OLD, now, ORDER);
  assert.deepEqual(
    merged.cases.map(({ name, run }) => [name, run.slice(0, 7)]),
    [
      ['direct-pq', '2026-02'],
      ['postern-pq-durable', '2026-02'],
      ['nginx', '2026-01'],
    ],
  );
  const page = renderDocument(merged, '');
  assert.match(page, /\| <postern-pq-durable> .* 150 .* 2\.50 \| +– \|/);
  assert.match(page, /Of an earlier run, on 2026-01-01 with 1 rounds: `nginx`/);
  const failed = runOf(now.startedAt, { 'direct-pq': [], 'postern-pq-durable': [] });
  assert.deepEqual(
    merge(OLD, failed, ORDER).cases.map(({ run }) => run),
    ORDER.map(() => OLD.startedAt),
  );
});

test('charts are files of their own that load nothing', () => {
  const charts = renderCharts(
    runOf('now', { 'direct-pq': [50, 70], 'postern-pq-durable': [90, 90] }),
  );
  assert.deepEqual([...charts.keys()], ['bench-http-cpu.svg', 'bench-http-latency.svg']);
  for (const chart of charts.values()) {
    assert.match(chart, /^<svg [^]*&lt;direct-pq&gt;[^]*<\/svg>\n$/);
    assert.doesNotMatch(chart.replace('http://www.w3.org/2000/svg', ''), /https?:|href|url\(/);
  }
});
