/** Programs that start `postern stdio` and do what they should not. */
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { LineFramer } from '#transport';
import { runCommand } from '../support/command.ts';
import { ALLOW_ALL } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';
import { descendantsOf, isRunning, NO_PROC } from './support/processes.ts';
import { INITIALIZE } from './support/session.ts';

type Json = Record<string, unknown>;

const MIB = 1024 * 1024;

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-stdio-'));
  await writeFile(join(directory, 'policy.yaml'), stringify(ALLOW_ALL));
  const config = {
    version: 1,
    state_dir: 'state',
    policy: 'policy.yaml',
    servers: {
      server: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
      other: { stdio: { command: 'no-such-program-here' } },
    },
    limits: {
      max_request_bytes: 10 * MIB,
      max_in_flight_per_session: 16,
      slow_reader_timeout_ms: 1000,
      drain_timeout_ms: 60_000,
    },
  };
  await writeFile(configFile(), stringify(config));
});
after(() => rm(directory, { recursive: true }));

const configFile = (): string => join(directory, 'postern.yaml');

/** One client by hand. */
class StdioByHand {
  readonly child: ChildProcessWithoutNullStreams;
  readonly heard: Json[] = [];
  stderr = '';
  readonly #exit: Promise<unknown[]>;

  constructor(t: TestContext, { reads = true, server = 'server' } = {}) {
    const { command, args } = programAt('bin/postern.js', 'stdio', '-c', configFile(), server);
    this.child = spawn(command, args, { stdio: 'pipe' });
    this.#exit = once(this.child, 'exit');
    this.child.stdin.on('error', () => undefined);
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    const onLine = (line: Buffer): void => {
      this.heard.push(JSON.parse(line.toString()) as Json);
    };
    const framer = new LineFramer(16 * MIB);
    if (reads) this.child.stdout.on('data', (chunk: Buffer) => framer.push(chunk, onLine));
    t.after(() => this.child.kill('SIGKILL'));
  }

  say(...messages: readonly (Json | string)[]): void {
    const lines = messages.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    this.child.stdin.write(`${lines.join('\n')}\n`);
  }

  begin(): void {
    this.say(INITIALIZE, { jsonrpc: '2.0', method: 'notifications/initialized' });
  }

  call(id: number, name: string, args: Json = {}): void {
    const params = { name, arguments: args, _meta: { progressToken: id } };
    this.say({ jsonrpc: '2.0', id, method: 'tools/call', params });
  }

  async hears(id: unknown, count = 1): Promise<Json> {
    const answers = (): Json[] => this.heard.filter((each) => 'id' in each && each['id'] === id);
    await until(`${count} answers to ${String(id)}`, () => answers().length >= count);
    return answers()[count - 1] ?? {};
  }

  /** The exit code, when it has ended by itself and nothing of it is left. */
  async exit(): Promise<unknown> {
    const { pid } = this.child;
    const family = NO_PROC === false && pid !== undefined ? descendantsOf(pid) : [];
    const [code, signal] = await this.#exit;
    await until('its programs are gone', () => !family.some(isRunning));
    return code ?? signal;
  }
}

function codeOf(message: Json): unknown {
  return (message['error'] as { data?: { code?: string } } | undefined)?.data?.code;
}

test('R-23 noise, doubles and long lines are answered, and what is sound goes on', async (t) => {
  const client = new StdioByHand(t);
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
  client.begin();
  client.say('noise', '\r', '[]', '{"jsonrpc":"2.0","id":30,"id":30,"method":"ping"}');
  client.say({ jsonrpc: '2.0', id: 31, method: 'ping', params: { _meta: meta } });
  client.say({ ...INITIALIZE, id: 32 });
  client.call(33, 'wait');
  client.call(33, 'echo', { text: 'twice' });
  client.say({ jsonrpc: '2.0', id: 'nobody asked', result: {} });
  const codes = await Promise.all([30, 31, 32, 33].map((id) => client.hears(id)));
  assert.deepEqual(codes.map(codeOf), [
    'POSTERN_FRAME_AMBIGUOUS',
    'POSTERN_REVISION_UNSUPPORTED',
    'POSTERN_REQUEST_REFUSED',
    'POSTERN_REQUEST_ID_IN_USE',
  ]);
  await client.hears(null, 2);
  client.call(34, 'echo', { text: 'x'.repeat(9 * MIB) });
  const long = await client.hears(34);
  assert.equal(
    (long['result'] as { content: { text: string }[] }).content[0]?.text.length,
    9 * MIB,
  );
  // Half a line, and the end amid the call that waits; a signal does not wait for it any longer.
  client.child.stdin.end('{"jsonrpc":"2.0","id":35,"meth');
  await until('it still waits', () => client.child.exitCode === null);
  client.child.kill('SIGTERM');
  assert.equal(await client.exit(), 0);
  assert.deepEqual(
    client.heard.filter(({ id }) => id === 35),
    [],
  );
});

test('R-23 whoever asks and never reads is left, and its server ended', async (t) => {
  const client = new StdioByHand(t, { reads: false });
  client.begin();
  for (let id = 10; id < 100; id += 1) client.call(id, 'big', { bytes: MIB });
  assert.equal(await client.exit(), 1);
  assert.match(client.stderr, /POSTERN_READER_TOO_SLOW/);
});

test('R-23 a batch of 2025-03-26 is taken apart; a client that is gone takes all with it', async (t) => {
  const client = new StdioByHand(t);
  const ping = (id: number): Json => ({ jsonrpc: '2.0', id, method: 'ping' });
  const params = { ...INITIALIZE.params, protocolVersion: '2025-03-26' };
  client.say({ ...INITIALIZE, params }, { jsonrpc: '2.0', method: 'notifications/initialized' });
  client.say(JSON.stringify([ping(2), ping(3)]));
  await Promise.all([client.hears(2), client.hears(3)]);
  client.child.stdout.destroy();
  client.call(5, 'echo', { text: 'nobody reads this' });
  assert.equal(await client.exit(), 0);
});

test('R-23 the command line says which server is meant', async () => {
  const { code, stdout, stderr } = await runCommand(['stdio', '-c', configFile(), 'sever']);
  assert.deepEqual([code, stdout], [64, '']);
  assert.match(stderr, /did you mean "server"[^]*server, other/);
});
