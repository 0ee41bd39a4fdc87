/**
 * Runs the README's first command, `npm start`, in an empty state directory and checks what it
 * reports: an endpoint, quantum-safe links, tools, and a call that is really in the record.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallEntry } from '#audit';
import { readRecord } from '#store';

interface Link {
  readonly kind: string;
  readonly group?: string;
  readonly quantum_safe: boolean;
}

interface Summary {
  readonly endpoint: string;
  readonly record_dir: string;
  readonly links: { readonly client: Link; readonly upstreams: Readonly<Record<string, Link>> };
  readonly tools: Readonly<Record<string, readonly string[]>>;
  readonly record: CallEntry;
}

const TIMEOUT_MS = 120_000;

const home = mkdtempSync(join(tmpdir(), 'postern-first-run-'));
try {
  await check(run());
} finally {
  rmSync(home, { recursive: true, force: true });
}

function run(): Summary {
  const args = ['start', '--silent', '--', '--check', '--json'];
  const { status, stdout } = spawnSync('npm', args, {
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, POSTERN_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  assert.equal(status, 0, `npm ${args.join(' ')} exited with ${status}: ${stdout}`);
  return JSON.parse(stdout) as Summary;
}

async function check({ endpoint, links, tools, record, record_dir }: Summary): Promise<void> {
  assert.equal(new URL(endpoint).protocol, 'https:');
  assert.equal(links.client.group, 'X25519MLKEM768');
  const hops = Object.entries(links.upstreams);
  assert.ok(hops.length > 0, 'no server is behind the gateway');
  for (const [name, link] of hops) {
    assert.ok(link.quantum_safe, `the link to ${name} is not quantum-safe`);
    assert.ok((tools[name]?.length ?? 0) > 0, `${name} shows no tool`);
  }
  assert.ok(
    hops.some(([, link]) => link.group === 'X25519MLKEM768'),
    'no server is reached over TLS',
  );
  assert.equal(record.mcp.method, 'tools/call');
  assert.equal(record.decision.effect, 'allow');
  assert.equal(record.outcome.status, 'ok');
  const count = await countEntries(record_dir, record);
  console.log(
    `${endpoint} over ${links.client.group}: ${hops.length} servers, ` +
      `${Object.values(tools).flat().length} tools, ${count} calls recorded`,
  );
}

/** Reads the whole record back: every line is sound, and the reported entry is among them. */
async function countEntries(directory: string, reported: CallEntry): Promise<number> {
  const entries: CallEntry[] = [];
  for await (const line of readRecord(directory)) {
    assert.ok('entry' in line, `${line.file}:${line.line} is damaged`);
    entries.push(line.entry);
  }
  const found = entries.find(({ id }) => id === reported.id);
  assert.deepEqual(found, reported, 'the reported call is not in the record');
  return entries.length;
}
