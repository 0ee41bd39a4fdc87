import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import type { Child, ChildOptions } from '../children.ts';
import { start } from '../children.ts';
import type { Target, TargetTls } from '../load/plan.ts';
import { ANSWER_BYTES } from '../load/plan.ts';
import type { EchoOptions } from '../upstreams/echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** How a hop is protected. */
export type LinkKind = 'plain' | 'pq' | 'classical';

/** The echo server and where it listens. */
export interface Echo {
  readonly child: Child;
  readonly port: number;
}

const GROUPS = { pq: 'X25519MLKEM768', classical: 'X25519' } as const;

/** What of {@link EchoOptions} differs from a JSON answer of 1 KB on any port. */
export type EchoSpecial = Partial<Omit<EchoOptions, 'tls'>>;

/** Starts the echo server behind a subject. */
export async function startEcho(
  bench: Bench,
  link: LinkKind,
  special: EchoSpecial = {},
  within: readonly string[] = [],
): Promise<Echo> {
  const options = optionsOf(serverTls(bench, link), special);
  return startServer('echo', options, { core: bench.cores.upstream, within });
}

/** Starts the echo server at a port of its own for gateways that are not the benchmark's. */
export async function startLastingEcho(bench: Bench, port: number): Promise<Echo> {
  const where = { core: bench.cores.upstream, lasting: true } as const;
  return startServer('echo', optionsOf(null, { port }), where);
}

/** Starts the echo server with a certificate of the caller's, as what is measured. */
export async function startBareListener(bench: Bench, tls: EchoOptions['tls']): Promise<Echo> {
  return startServer('echo', optionsOf(tls, {}), { core: bench.cores.subject });
}

/** The echo server as what is measured: the least that a Node.js server can take. */
export async function directSubject(
  bench: Bench,
  link: LinkKind,
  nodeOptions: readonly string[] = [],
): Promise<Subject> {
  const options = optionsOf(serverTls(bench, link), {});
  const { child, port } = await startServer(
    'echo',
    options,
    { core: bench.cores.subject },
    nodeOptions,
  );
  return subjectOf({ child, target: targetAt(port, targetTls(bench, link)) });
}

/** A loopback target without anything special. */
export function targetAt(port: number, tls: TargetTls | null): Target {
  return { host: '127.0.0.1', port, path: '/mcp', tls, headers: {} };
}

/** What a server needs for a link of this kind. */
export function serverTls(bench: Bench, link: LinkKind): EchoOptions['tls'] {
  if (link === 'plain') return null;
  const { certFile, keyFile } = bench.certificates[link];
  return { certFiles: [certFile], keyFile, group: GROUPS[link], clientCaFile: null };
}

/** What a client must find on a link of this kind to a server with the benchmark's certificate. */
export function targetTls(bench: Bench, link: LinkKind): TargetTls | null {
  if (link === 'plain') return null;
  const { caFile } = bench.certificates[link];
  const keyType = link === 'pq' ? 'ml-dsa-65' : 'ec';
  return { caFile, serverName: 'localhost', group: GROUPS[link], keyType };
}

function optionsOf(tls: EchoOptions['tls'], special: EchoSpecial): EchoOptions {
  return { tls, events: false, answerBytes: ANSWER_BYTES, port: 0, ...special };
}

/** Starts a script that prints its port. */
export async function startServer(
  name: 'echo' | 'tls-pipe',
  options: object,
  where: Pick<ChildOptions, 'core' | 'within' | 'lasting'>,
  nodeOptions: readonly string[] = [],
): Promise<Echo> {
  const script = fileURLToPath(import.meta.resolve(`../upstreams/${name}.ts`));
  const args = [...nodeOptions, script, JSON.stringify(options)];
  const child = start(process.execPath, args, where);
  const { port } = await child.said((text) =>
    text.endsWith('\n') ? (JSON.parse(text) as { port: number }) : null,
  );
  return { child, port };
}
