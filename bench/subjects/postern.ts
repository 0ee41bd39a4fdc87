import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Core } from '../bench.ts';
import type { Start } from '../case.ts';
import type { Child } from '../children.ts';
import { start } from '../children.ts';
import type { Target, TargetTls } from '../load/plan.ts';
import { allowedCores } from '../processes.ts';
import { EVERYTHING, POSTERN } from '../programs.ts';
import type { EchoSpecial } from './echo.ts';
import { startEcho, targetAt } from './echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** What a gateway under test is like. */
export interface PosternOptions {
  /** Both hops, or for stdio the client's. */
  readonly link: 'plain' | 'pq';
  readonly server: 'http' | 'stdio';
  readonly audit: 'durable' | 'off';
  /** How the HTTP upstream answers. */
  readonly upstream?: EchoSpecial;
  /** Worker processes, each with a core of its own; without it there is no such setting. */
  readonly workers?: number;
}

/** A gateway that is up. */
export interface RunningPostern {
  readonly child: Child;
  readonly target: Target;
  readonly stateDir: string;
}

const ROOT = join(import.meta.dirname, '../..');

/** A policy as a small site has it: what is never allowed, then what is, the called tool last. */
const POLICY = `
version: 1
rules:
  - { id: no-shell, effect: deny, principals: [anonymous, '*'], tools: ['shell*', 'exec*', 'run_*'] }
  - { id: no-secrets, effect: deny, principals: [anonymous, '*'], resources: ['file:///etc/*', '*/.ssh/*'] }
  - { id: no-admin, effect: deny, principals: [anonymous, 'guest-*'], tools: ['admin_*', '*_delete', '*_drop'] }
  - { id: quarantine, effect: deny, principals: ['spiffe://postern.internal/client/blocked-*'] }
  - { id: files, effect: allow, principals: ['dev-*'], servers: [files], tools: ['read_*', 'list_*', 'search_*'] }
  - { id: tickets, effect: allow, principals: ['support-*'], servers: [tickets], tools: ['ticket_*'] }
  - { id: research, effect: allow, principals: ['analyst-*'], tools: ['search', 'fetch', 'summarise'] }
  - { id: prompts, effect: allow, principals: [anonymous, '*'], prompts: ['*'] }
  - { id: docs, effect: allow, principals: [anonymous, '*'], resources: ['https://docs.example.com/*'] }
  - { id: basics, effect: allow, principals: [anonymous], servers: [bench], tools: [echo, 'get-*'] }
`;

/** The gateway before the echo server or server-everything. */
export function posternSubject(options: PosternOptions): Start {
  return async (bench, nodeOptions) => {
    const { subject } = await startPosternSubject(bench, options, nodeOptions);
    return subject;
  };
}

/** Why Postern cannot run with so many workers here, `null` when it can. */
export function noWorkers(count: number): string | null {
  const schema = readFileSync(join(ROOT, 'schemas/postern.schema.json'), 'utf8');
  const { properties } = JSON.parse(schema) as { properties: Readonly<Record<string, unknown>> };
  if (properties['workers'] === undefined) return 'Postern has no setting for workers';
  return allowedCores().length < count ? 'there are too few cores' : null;
}

/** {@link posternSubject}, with what a profile or a comparison needs besides. */
export async function startPosternSubject(
  bench: Bench,
  options: PosternOptions,
  nodeOptions: readonly string[] = [],
): Promise<{ readonly subject: Subject; readonly postern: RunningPostern }> {
  const { link, server, upstream } = options;
  const echo = server === 'stdio' ? null : await startEcho(bench, link, upstream);
  const postern = await startPostern(bench, options, nodeOptions, echo?.port ?? 0);
  const { target, child } = postern;
  const cores = options.workers ?? 1;
  return { subject: subjectOf({ target, child, upstream: echo?.child ?? null, cores }), postern };
}

async function startPostern(
  bench: Bench,
  options: PosternOptions,
  nodeOptions: readonly string[],
  upstreamPort: number,
): Promise<RunningPostern> {
  const directory = await mkdtemp(join(bench.directory, 'gateway-'));
  const configFile = join(directory, 'postern.yaml');
  await writeFile(join(directory, 'policy.yaml'), POLICY);
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(configOf(bench, options, upstreamPort)));
  const args = [...nodeOptions, POSTERN, 'up', '--json', '--config', configFile];
  const core = coresOf(bench, options.workers ?? 1);
  const child = start(process.execPath, args, { core, cwd: directory });
  const summary = await child.said(readSummary);
  const tls: TargetTls = {
    caFile: summary.ca,
    serverName: 'localhost',
    group: 'X25519MLKEM768',
    keyType: 'ml-dsa-65',
  };
  const port = Number(new URL(summary.endpoint).port);
  const target: Target = {
    ...targetAt(port, options.link === 'plain' ? null : tls),
    path: '/servers/bench/mcp',
  };
  return { child, target, stateDir: summary.state };
}

interface Summary {
  readonly endpoint: string;
  readonly ca: string;
  readonly state: string;
}

/** What `postern up --json` prints when it is up. */
function readSummary(text: string): Summary | null {
  if (!text.endsWith('}\n')) return null;
  const summary = JSON.parse(text) as Summary;
  if (URL.canParse(summary.endpoint)) return summary;
  throw new Error(`no summary of a gateway: ${text.slice(0, 500)}`);
}

/** As many cores as there are workers, the subject's own first. */
function coresOf({ cores: { subject } }: Bench, workers: number): Core {
  if (subject === null || workers === 1) return subject;
  return [subject, ...allowedCores().filter((core) => core !== subject)]
    .slice(0, workers)
    .join(',');
}

function configOf(
  bench: Bench,
  { link, server, audit, workers }: PosternOptions,
  port: number,
): object {
  const { caFile } = bench.certificates.pq;
  const upstreams = {
    stdio: { stdio: { command: process.execPath, args: [EVERYTHING] } },
    plain: { http: { url: `http://127.0.0.1:${port}/mcp` } },
    pq: { http: { url: `https://127.0.0.1:${port}/mcp`, tls: { ca: caFile } } },
  };
  return {
    version: 1,
    state_dir: 'state',
    policy: 'policy.yaml',
    listeners: [
      { name: 'main', address: '127.0.0.1:0', ...(link === 'plain' ? { tls: 'off' } : {}) },
    ],
    admin: 'off',
    servers: { bench: upstreams[server === 'stdio' ? 'stdio' : link] },
    audit: { mode: audit },
    log: { format: 'json' },
    // The generator is one source.
    limits: { max_handshakes_per_second_per_source: 100_000 },
    ...(workers === undefined ? {} : { workers }),
  };
}
