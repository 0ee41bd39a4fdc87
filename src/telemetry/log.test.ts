import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PosternEvent } from '#lib';
import { anyCharacter } from '../../test/support/any-text.ts';
import type { LogOptions } from './log.ts';
import { createLog } from './log.ts';
import { formatText } from './text.ts';

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const FIXTURE = join(import.meta.dirname, 'log.fixture.ts');

/** What a log with these options writes to a real file for these events. */
function written(
  t: TestContext,
  options: Omit<LogOptions, 'fd'>,
  events: readonly PosternEvent[],
): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'postern-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'log');
  const fd = openSync(path, 'a');
  const log = createLog({ ...options, fd });
  for (const event of events) log.sink(event);
  log.flush();
  closeSync(fd);
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  return lines;
}

const event = (part: Partial<PosternEvent> = {}): PosternEvent => ({
  severity: 'info',
  name: 'gateway.started',
  message: 'the gateway listens',
  fields: { url: 'https://127.0.0.1:8443/mcp', tools: ['a b', 1], client: { principal: 'a' } },
  ...part,
});

const startLog = (task: string) => spawn(process.execPath, [FIXTURE, task], { stdio: 'pipe' });

test('json: one object a line with ISO time, event name, message and fields', (t) => {
  const [line = ''] = written(t, { level: 'info', format: 'json' }, [event()]);
  const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: 'info',
    event: 'gateway.started',
    fields: event().fields,
    msg: 'the gateway listens',
  });
});

test('text: one line for people, without colours where there is no terminal', (t) => {
  const lines = written(t, { level: 'info', format: 'text' }, [
    event(),
    event({ severity: 'alert', fields: {} }),
  ]);
  assert.match(
    lines[0] ?? '',
    /^\S+Z {2}info {3}gateway\.started the gateway listens url=https:\/\/127\.0\.0\.1:8443\/mcp tools=\["a b",1\] client\.principal=a$/,
  );
  assert.match(lines[1] ?? '', /^\S+Z !ALERT! gateway\.started the gateway listens$/);
});

test('text: colours on request, around and never inside what comes from outside', () => {
  const line = formatText(event({ severity: 'alert', message: '\u001b[0m' }), 'T', true);
  assert.ok(line.includes('\u001b[1;97;41m!ALERT!\u001b[0m'));
  assert.ok(line.includes('\\u{1b}[0m'));
});

test('events below the level are left out; alerts never are', (t) => {
  const all = (['debug', 'info', 'warn', 'error', 'alert'] as const).map((severity) =>
    event({ severity }),
  );
  const levels = (level: LogOptions['level']) =>
    written(t, { level, format: 'json' }, all).map(
      (line) => (JSON.parse(line) as { level: string }).level,
    );
  assert.deepEqual(levels('warn'), ['warn', 'error', 'alert']);
  assert.deepEqual(levels('alert'), ['alert']);
});

test('nothing in an event forges a line, a field of the frame or a terminal sequence', (t) => {
  const nasty = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.constantFrom(
      '\n{"level":"alert"}',
      '\r\u001b[2J\u009b31m\u0007',
      '\u202e\u2066\u200b\u{e0041}\u2028\ud800',
      '100% %s %d %j %%',
    ),
  );
  const fields = fc.dictionary(
    fc.oneof(nasty, fc.constantFrom('level', 'time', 'msg', 'event', 'toJSON', '__proto__')),
    fc.oneof(nasty, fc.array(nasty, { maxLength: 3 }), fc.dictionary(nasty, nasty)),
    { maxKeys: 6 },
  );
  const samples = fc.sample(fc.record({ message: nasty, fields }), 60);
  const events = samples.map((sample) => event({ severity: 'debug', ...sample }));
  // What pino gives a meaning to.
  const request = { method: 'GET', headers: {}, socket: {}, err: new Error('e'), setHeader: 1 };
  events.push(event({ severity: 'debug', fields: request }));
  for (const format of ['json', 'text'] as const) {
    const lines = written(t, { level: 'debug', format }, events);
    assert.equal(lines.length, events.length);
    for (const line of lines) assert.doesNotMatch(line, UNSEEN);
  }
  const lines = written(t, { level: 'debug', format: 'json' }, events);
  for (const [index, line] of lines.entries()) {
    const read = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(Object.keys(read), ['level', 'time', 'event', 'fields', 'msg']);
    assert.equal(read['event'], 'gateway.started');
    assert.equal(read['msg'], events[index]?.message);
  }
});

test('secrets do not reach the log', (t) => {
  const secret = event({
    message: 'child said password=hunter2',
    fields: { headers: { Authorization: 'hunter2' }, tenant: 'hunter2', line: 'Bearer hunter2x' },
  });
  for (const format of ['json', 'text'] as const) {
    const [line = ''] = written(t, { level: 'info', format, redact: ['tenant'] }, [secret]);
    assert.doesNotMatch(line, /hunter2/);
    assert.match(line, /\[redacted\]/);
  }
});

test('an event that cannot be read is told, and does not throw', (t) => {
  const fields = {
    get broken(): never {
      throw new Error('no');
    },
  };
  const [line = ''] = written(t, { level: 'info', format: 'json' }, [event({ fields })]);
  const read = JSON.parse(line) as Record<string, unknown>;
  assert.equal(read['event'], 'gateway.started');
  assert.deepEqual(read['fields'], { error: 'no' });
});

test('a descriptor that takes nothing costs lines and nothing else', () => {
  const full = openSync('/dev/full', 'w');
  const log = createLog({ level: 'info', format: 'text', fd: full });
  log.sink(event());
  log.flush();
  closeSync(full);
  log.sink(event());
  log.flush();
});

test('no line is lost when the process ends at once', async () => {
  const child = startLog('exit');
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 0);
  const indexes = stderr
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { fields: { index: number } }).fields.index);
  assert.deepEqual(
    indexes,
    Array.from({ length: 3000 }, (_, index) => index),
  );
});

test('a reader who stopped reading does not hold the process up; what was lost is told', async () => {
  const child = startLog('flood');
  const stdout = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // 5 MB are more than the pipe and the writer hold, so the flood ends only if it never waits.
  assert.ok(Number((await stdout.next()).value) < 10_000);
  const stderr = text(child.stderr);
  child.stdin.end();
  await once(child, 'exit');
  const lines = (await stderr).trimEnd().split('\n');
  const read = lines.map(
    (line) => JSON.parse(line) as { event: string; fields: { count?: number } },
  );
  const notices = read.filter((line) => line.event === 'log.lines_lost');
  const lost = notices.reduce((sum, { fields }) => sum + (fields.count ?? 0), 0);
  assert.ok(lost > 0);
  assert.equal(read.length - notices.length + lost, 5001);
});

test('a dead reader neither ends nor holds up the process', async () => {
  const child = startLog('flood');
  child.stderr.destroy();
  const stdout = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.ok(Number((await stdout.next()).value) < 10_000);
  child.stdin.end();
  assert.ok(Number((await stdout.next()).value) < 500);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.deepEqual([code, signal], [0, null]);
});
