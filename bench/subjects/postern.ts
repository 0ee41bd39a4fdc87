import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Child } from '../children.ts';
import { start } from '../children.ts';
import type { Target } from '../load/plan.ts';
import { EVERYTHING, POSTERN } from '../programs.ts';
import { startEcho } from './echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** What a gateway under test is like. */
export interface PosternOptions {
  /** Both hops, or for stdio the client's. */
  readonly link: 'plain' | 'pq';
  readonly server: 'http' | 'http-events' | 'stdio';
  readonly audit: 'durable' | 'off';
  /** Node.js options, such as those for profiling. */
  readonly nodeOptions?: readonly string[];
}

/** A gateway that is up. */
export interface RunningPostern {
  readonly child: Child;
  readonly target: Target;
  readonly stateDir: string;
}

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
export async function posternSubject(bench: Bench, options: PosternOptions): Promise<Subject> {
  const { subject } = await startPosternSubject(bench, options);
  return subject;
}

/** {@link posternSubject}, with what a profile or a comparison needs besides. */
export async function startPosternSubject(
  bench: Bench,
  options: PosternOptions,
): Promise<{ readonly subject: Subject; readonly postern: RunningPostern }> {
  const { link, server } = options;
  const echo =
    server === 'stdio'
      ? null
      : await startEcho(bench, link, bench.cores.upstream, server === 'http-events');
  const postern = await startPostern(bench, options, echo?.port ?? 0);
  const { target, child } = postern;
  return { subject: subjectOf({ target, child, upstream: echo?.child ?? null }), postern };
}

async function startPostern(
  bench: Bench,
  options: PosternOptions,
  upstreamPort: number,
): Promise<RunningPostern> {
  const directory = await mkdtemp(join(bench.directory, 'gateway-'));
  const configFile = join(directory, 'postern.yaml');
  await writeFile(join(directory, 'policy.yaml'), POLICY);
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(configOf(bench, options, upstreamPort)));
  const args = [...(options.nodeOptions ?? []), POSTERN, 'up', '--json', '--config', configFile];
  const child = start(process.execPath, args, { core: bench.cores.subject, cwd: directory });
  const summary = await child.said(readSummary);
  const target: Target = {
    port: Number(new URL(summary.endpoint).port),
    path: '/servers/bench/mcp',
    tls:
      options.link === 'plain'
        ? null
        : { caFile: summary.ca, group: 'X25519MLKEM768', keyType: 'ml-dsa-65' },
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

function configOf(bench: Bench, { link, server, audit }: PosternOptions, port: number): object {
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
  };
}
