import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import type { Child } from '../children.ts';
import { start } from '../children.ts';
import type { TargetTls } from '../load/plan.ts';
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

/** Starts the echo server. */
export async function startEcho(
  bench: Bench,
  link: LinkKind,
  core: number | null,
  events = false,
): Promise<Echo> {
  return startEchoWith({ tls: serverTls(bench, link), events }, core);
}

/** Starts the echo server with a certificate of the caller's. */
export async function startEchoWith(options: EchoOptions, core: number | null): Promise<Echo> {
  const script = fileURLToPath(import.meta.resolve('../upstreams/echo.ts'));
  const child = start(process.execPath, [script, JSON.stringify(options)], { core });
  const { port } = await child.said((text) =>
    text.endsWith('\n') ? (JSON.parse(text) as { port: number }) : null,
  );
  return { child, port };
}

/** The echo server as what is measured: the least that a Node.js server can take. */
export async function directSubject(bench: Bench, link: LinkKind): Promise<Subject> {
  const { child, port } = await startEcho(bench, link, bench.cores.subject);
  return subjectOf({ child, target: { port, path: '/mcp', tls: targetTls(bench, link) } });
}

/** What a client must find on a link of this kind to a server with the benchmark's certificate. */
export function targetTls(bench: Bench, link: LinkKind): TargetTls | null {
  if (link === 'plain') return null;
  const { caFile } = bench.certificates[link];
  return { caFile, group: GROUPS[link], keyType: link === 'pq' ? 'ml-dsa-65' : 'ec' };
}

function serverTls(bench: Bench, link: LinkKind): EchoOptions['tls'] {
  if (link === 'plain') return null;
  const { certFile, keyFile } = bench.certificates[link];
  return { certFiles: [certFile], keyFile, group: GROUPS[link], clientCaFile: null };
}
