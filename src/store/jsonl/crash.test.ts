import assert from 'node:assert/strict';
import type { ChildProcessByStdio } from 'node:child_process';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { readRecord } from './read.ts';

const FIXTURE = join(import.meta.dirname, 'recorder.fixture.ts');
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

interface Recording {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  /** Every line the child printed. */
  readonly lines: string[];
  /** Resolves with the first line, printed before or later, that the test accepts. */
  until(accept: (line: string) => boolean): Promise<void>;
  kill(): Promise<void>;
}

function start(t: TestContext, directory: string, callers: number, fileLimit = ''): Recording {
  const command = [process.execPath, FIXTURE, directory, String(callers)];
  if (fileLimit !== '') command.unshift('prlimit', `--fsize=${fileLimit}:unlimited`);
  const [program, ...args] = command as [string, ...string[]];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  t.after(kill);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const until = (accept: (line: string) => boolean) =>
    new Promise<void>((resolve, reject) => {
      let next = 0;
      const look = () => {
        while (next < lines.length) {
          if (accept(lines[next++] ?? '')) resolve();
        }
      };
      waiting.add(look);
      child.once('close', () => reject(new Error(`ended after ${lines.length} lines`)));
      look();
    });
  return { child, lines, until, kill };
}

async function recordDirectory(t: TestContext): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'postern-'));
  t.after(() => rm(base, { recursive: true }));
  return join(base, 'record');
}

async function readIds(directory: string) {
  const found: string[] = [];
  const damage: string[] = [];
  for await (const line of readRecord(directory)) {
    if ('entry' in line) found.push(line.entry.id);
    else damage.push(line.damage);
  }
  return { found, damage };
}

const acknowledged = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('ok ')).map((line) => line.slice(3));

test('R-19 every acknowledged entry is in the record after SIGKILL', async (t) => {
  const directory = await recordDirectory(t);
  const all: string[] = [];
  for (let round = 0; round < 8; round += 1) {
    const recording = start(t, directory, 1 + (round % 4) * 16);
    const enough = 1 + Math.floor(Math.random() * 200);
    await recording.until(() => acknowledged(recording.lines).length >= enough);
    await recording.kill();
    all.push(...acknowledged(recording.lines));
  }
  const { found, damage } = await readIds(directory);
  const stored = new Set(found);
  assert.equal(stored.size, found.length, 'none twice');
  assert.deepEqual(
    all.filter((id) => !stored.has(id)),
    [],
  );
  assert.ok(damage.every((kind) => kind === 'torn'));
  t.diagnostic(`${all.length} acknowledged, ${found.length} stored, ${damage.length} torn lines`);
});

test(
  'R-19 a full disk refuses calls, and the record goes on by itself once there is room',
  { skip: hasPrlimit ? false : 'needs prlimit' },
  async (t) => {
    const directory = await recordDirectory(t);
    // The kernel cuts the write at this size, as it does when a disk is full half way.
    const recording = start(t, directory, 8, '20001');
    await recording.until((line) => line === 'event record.unavailable');
    await recording.until((line) => line.startsWith('refused '));
    const before = acknowledged(recording.lines).length;
    assert.ok(before > 0);

    execFileSync('prlimit', ['--pid', String(recording.child.pid), '--fsize=unlimited']);
    await recording.until((line) => line === 'event record.recovered');
    await recording.until(() => acknowledged(recording.lines).length > before + 200);
    await recording.kill();

    const { found, damage } = await readIds(directory);
    const stored = new Set(found);
    assert.equal(stored.size, found.length, 'none twice');
    assert.deepEqual(
      acknowledged(recording.lines).filter((id) => !stored.has(id)),
      [],
    );
    assert.ok(damage.length <= 1, 'the torn line of the full disk was taken away');
    assert.equal(recording.lines.filter((line) => line === 'event record.unavailable').length, 1);
  },
);
