import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CallEntry } from '#audit';
import { messageOf, sha256Label } from '#lib';
import { readRecord } from '#store';
import { stringify } from 'yaml';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

/** Rules that let everybody use everything, over any link that the rest of the policy admits. */
export const ALLOW_ALL = {
  rules: [{ id: 'all', effect: 'allow', principals: ['anonymous', '*'] }],
};

/** A gateway in a process of its own, started from files in a directory of its own. */
export interface TestPostern {
  readonly directory: string;
  readonly process: ChildProcess;
  /** Origin of its first listener. */
  readonly endpoint: string;
  readonly admin: string;
  /** PEM of its two roots. */
  readonly ca: string;
  readonly stateDir: string;
  /** Origin of any of its listeners. */
  listener(name: string): string;
  /** URL of one server's MCP endpoint. */
  url(server: string): string;
  /** Everything that it has logged so far, one parsed JSON object a line. */
  log(): readonly Record<string, unknown>[];
  /** Waits until a log line passes. */
  logged(pass: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Everything in its record. */
  record(): Promise<readonly CallEntry[]>;
  writePolicy(policy: object): Promise<void>;
  /** Writes a policy other than the one in force and waits until it is in force itself. */
  applyPolicy(policy: object): Promise<void>;
  /** Ends it in order, checks that it exits with 0, and removes its directory. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway; listeners and admin take free ports unless the configuration says otherwise.
 *
 * @param config `policy` is {@link ALLOW_ALL} unless given; with `null` there is no file.
 */
export async function startTestPostern(config: {
  servers: object;
  policy?: object | null;
  [key: string]: unknown;
}): Promise<TestPostern> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-test-'));
  const { policy = ALLOW_ALL, ...settings } = config;
  const policyFile = join(directory, 'policy.yaml');
  const configFile = join(directory, 'postern.yaml');
  if (policy !== null) await writeFile(policyFile, stringify(policy));
  const defaults = {
    version: 1,
    state_dir: 'state',
    policy: 'policy.yaml',
    listeners: [{ name: 'main', address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { level: 'debug', format: 'json' },
    ...(process.env['POSTERN_TEST_WORKERS'] === undefined
      ? {}
      : { workers: Number(process.env['POSTERN_TEST_WORKERS']) }),
  };
  await writeFile(configFile, stringify({ ...defaults, ...settings }));
  const child = spawn(process.execPath, [LAUNCHER, 'up', '--json', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = collectLog(child);
  try {
    const summary = await readSummary(child);
    return testPostern({ directory, child, summary, log, policyFile });
  } catch (error) {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
    throw new Error(`postern did not start: ${messageOf(error)}: ${log.text()}`, { cause: error });
  }
}

/** A file that goes with the test; its path. */
export async function temporaryFile(t: TestContext, content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-file-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'file');
  await writeFile(file, content);
  return file;
}

interface Summary {
  readonly listeners: Readonly<Record<string, string>>;
  readonly endpoint: string;
  readonly admin: string;
  readonly ca: string;
  readonly state: string;
  readonly record_dir: string;
}

async function testPostern(parts: {
  directory: string;
  child: ChildProcess;
  summary: Summary;
  log: ReturnType<typeof collectLog>;
  policyFile: string;
}): Promise<TestPostern> {
  const { directory, child, summary, log, policyFile } = parts;
  return {
    directory,
    process: child,
    endpoint: summary.endpoint,
    admin: summary.admin,
    ca: await readFile(summary.ca, 'utf8'),
    stateDir: summary.state,
    listener: (name) => summary.listeners[name] ?? '',
    url: (server) => `${summary.endpoint}/servers/${server}/mcp`,
    log: () => log.lines(),
    logged: (pass) => log.waitFor(pass),
    record: async () => {
      const entries: CallEntry[] = [];
      for await (const line of readRecord(summary.record_dir)) {
        if ('entry' in line) entries.push(line.entry);
      }
      return entries;
    },
    writePolicy: (policy) => writeFile(policyFile, stringify(policy)),
    applyPolicy: async (policy) => {
      const text = stringify(policy);
      const loaded = (): number => log.lines().filter(isLoaded(text)).length;
      const before = loaded();
      await writeFile(policyFile, text);
      await log.waitFor(() => loaded() > before);
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(directory, { recursive: true, force: true });
      if (child.exitCode !== 0) {
        throw new Error(`postern exited with ${child.exitCode ?? child.signalCode}: ${log.text()}`);
      }
    },
  };
}

/** Passes the log line that tells that the policy with this text is in force. */
export function isLoaded(text: string): (line: Record<string, unknown>) => boolean {
  const hash = sha256Label(text);
  return ({ event, fields }) =>
    event === 'policy.loaded' && (fields as { policy?: unknown }).policy === hash;
}

async function readSummary(child: ChildProcess): Promise<Summary> {
  let text = '';
  const exited = once(child, 'exit').then(() => {
    throw new Error('it exited');
  });
  const read = (async () => {
    for await (const chunk of child.stdout ?? []) {
      text += String(chunk);
      if (!text.endsWith('}\n')) continue;
      const summary = JSON.parse(text) as Summary | { error: { code: string } };
      if ('error' in summary) throw new Error(summary.error.code);
      return summary;
    }
    throw new Error('it said nothing');
  })();
  exited.catch(() => undefined);
  return Promise.race([read, exited]);
}

function collectLog(child: ChildProcess) {
  let text = '';
  let unfinished = '';
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const whole = `${unfinished}${chunk}`.split('\n');
    unfinished = whole.pop() ?? '';
    lines.push(...whole.flatMap(readLine));
    for (const check of waiting) check();
  });
  return {
    text: () => text,
    lines: (): readonly Record<string, unknown>[] => [...lines],
    waitFor: (pass: (line: Record<string, unknown>) => boolean) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const check = (): void => {
          const found = lines.find(pass);
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}

/** The line as it was logged; nothing for one that is not of the log. */
function readLine(line: string): readonly Record<string, unknown>[] {
  if (!line.startsWith('{')) return [];
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
