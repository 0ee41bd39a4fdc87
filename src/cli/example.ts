import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { defaultStateDir, ensureIdentity, openStateDir } from '#identity';
import { makeDirectories } from '#lib';
import { stringify } from 'yaml';
import { ExampleUnavailable } from './errors.ts';
import { packageRoot, programOf } from './package.ts';

/** The shipped example, ready to be loaded like any other configuration. */
export interface Example {
  readonly configFile: string;
  /** Name of the client identity that the policy lets write files. */
  readonly clientName: string;
  /** Ends what the example itself started. */
  stop(): void;
}

const PREFERRED_PORTS = { listener: 7443, admin: 7480 };

/**
 * Writes the example's configuration below the state directory and starts its remote server. The
 * policy is written once and then the user's to edit.
 *
 * @param ephemeral takes any free ports, for a check that exits again.
 * @throws ExampleUnavailable when its MCP servers are not installed.
 */
export async function prepareExample(
  stateDir: string | undefined,
  ephemeral: boolean,
): Promise<Example> {
  const home = join(stateDir ?? defaultStateDir(process.env), 'example');
  await openStateDir(home);
  const files = join(home, 'files');
  await makeDirectories(files, 0o700);
  await writeFile(join(files, 'hello.txt'), 'Hello from behind Postern.\n');
  const policy = join(home, 'policy.yaml');
  await copyFile(
    join(packageRoot(), 'examples/quickstart/policy.yaml'),
    policy,
    constants.COPYFILE_EXCL,
  ).catch(ignoreExisting);
  const clock = await startClock(join(home, 'clock'));
  const configFile = join(home, 'postern.yaml');
  const config = {
    version: 1,
    state_dir: join(home, 'state'),
    policy,
    listeners: [
      { name: 'main', address: `127.0.0.1:${await port(PREFERRED_PORTS.listener, ephemeral)}` },
    ],
    admin: { address: `127.0.0.1:${await port(PREFERRED_PORTS.admin, ephemeral)}` },
    servers: {
      everything: stdio('@modelcontextprotocol/server-everything'),
      files: stdio('@modelcontextprotocol/server-filesystem', [files]),
      memory: stdio('@modelcontextprotocol/server-memory', [], {
        MEMORY_FILE_PATH: join(home, 'memory.jsonl'),
      }),
      clock: { http: { url: clock.url, tls: { ca: clock.caFile } } },
    },
    log: { level: 'warn' },
  };
  await writeFile(configFile, `# Written at each start of the example.\n${stringify(config)}`);
  return { configFile, clientName: 'example', stop: () => clock.stop() };
}

function stdio(name: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const program = programOf(name);
  if (program === null) throw new ExampleUnavailable(`${name} is not installed`);
  return { stdio: { command: process.execPath, args: [program, ...args], env } };
}

/** Nobody renews its certificate while the example runs. */
const CLOCK_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** The remote server of the example, with an identity of its own as a foreign site would have. */
async function startClock(directory: string) {
  await openStateDir(directory);
  const wanted = { trustDomain: 'clock.example', names: [], lifetimeMs: CLOCK_LIFETIME_MS };
  const identity = await ensureIdentity(directory, wanted);
  const [credential] = identity.credentials;
  if (credential === undefined) throw new ExampleUnavailable('the clock has no certificate');
  await writeFile(join(directory, 'server.key'), credential.keyPem, { mode: 0o600 });
  await writeFile(join(directory, 'server.crt'), credential.chainPem);
  const program = join(packageRoot(), 'examples/quickstart/clock-server.js');
  // It ends with its standard input, so it cannot outlive this process however that ends.
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const url = await firstLine(child);
  return { url, caFile: identity.caFile, stop: () => child.stdin.end() };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (): void => {
      reject(new ExampleUnavailable('the example’s remote server did not start'));
    };
    child.once('error', failed);
    child.once('exit', failed);
    if (child.stdout === null) failed();
    else createInterface(child.stdout).once('line', resolve);
  });
}

/** The preferred port when it is free, else any: the example must start beside anything. */
async function port(preferred: number, ephemeral: boolean): Promise<number> {
  if (!ephemeral && (await isFree(preferred))) return preferred;
  return 0;
}

function isFree(candidate: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port: candidate }, () => probe.close(() => resolve(true)));
  });
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
