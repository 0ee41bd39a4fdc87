import type { Bench } from './bench.ts';
import type { CallShape } from './load/plan.ts';
import { directSubject } from './subjects/echo.ts';
import { bareListener, posternListener } from './subjects/handshakes.ts';
import { posternSubject } from './subjects/postern.ts';
import { mcpProxySubject, noNamespace, supergatewaySubject } from './subjects/stdio-bridges.ts';
import type { Subject } from './subjects/subject.ts';
import { haproxySubject, missing, nginxSubject } from './subjects/web-proxies.ts';

/** One thing to measure. */
export interface Case {
  readonly name: string;
  /** What it is, for the table. */
  readonly title: string;
  readonly group: 'http' | 'stdio' | 'handshakes';
  /** Name of the case to compare with, in the same group. */
  readonly baseline: string | null;
  /** Why it cannot run here, `null` when it can. */
  skipped(): string | null;
  readonly load: CaseLoad;
}

/** How a case is driven. */
export type CaseLoad =
  | {
      readonly kind: 'calls';
      readonly start: Start;
      readonly connections: number;
      readonly shape: CallShape;
    }
  | { readonly kind: 'handshakes'; readonly start: Start; readonly connections: number }
  | { readonly kind: 'sdk-stdio'; readonly inFlight: number };

type Start = (bench: Bench) => Promise<Subject>;

const HTTP_CONNECTIONS = 32;
const STDIO_IN_FLIGHT = 16;
const HANDSHAKES = 8;
/** Size of a request that names a tool and has a few arguments. */
export const REQUEST_BYTES = 300;

const HTTP_SHAPE: CallShape = {
  revision: '2025-11-25',
  session: false,
  requestBytes: REQUEST_BYTES,
  answer: 'padded',
};

/** Every case, in the order of a round. */
export const CASES: readonly Case[] = [
  http('direct-plain', 'bare node:http echo', null, (bench) => directSubject(bench, 'plain')),
  http('direct-pq', 'bare node:https echo, PQ TLS', null, (bench) => directSubject(bench, 'pq')),
  http('postern-plain', 'Postern, plain → plain, record off', 'direct-plain', (bench) =>
    posternSubject(bench, { link: 'plain', server: 'http', audit: 'off' }),
  ),
  http('postern-plain-durable', 'Postern, plain → plain, durable record', 'direct-plain', (bench) =>
    posternSubject(bench, { link: 'plain', server: 'http', audit: 'durable' }),
  ),
  http('postern-pq', 'Postern, PQ TLS → PQ TLS, record off', 'direct-pq', (bench) =>
    posternSubject(bench, { link: 'pq', server: 'http', audit: 'off' }),
  ),
  http('postern-pq-durable', 'Postern, PQ TLS → PQ TLS, durable record', 'direct-pq', (bench) =>
    posternSubject(bench, { link: 'pq', server: 'http', audit: 'durable' }),
  ),
  http(
    'postern-pq-2026',
    'the same, 2026-07-28 calls',
    'direct-pq',
    (bench) => posternSubject(bench, { link: 'pq', server: 'http', audit: 'durable' }),
    { shape: { ...HTTP_SHAPE, revision: '2026-07-28', requestBytes: 420 } },
  ),
  http('postern-pq-events', 'the same, answers as event streams', 'direct-pq', (bench) =>
    posternSubject(bench, { link: 'pq', server: 'http-events', audit: 'durable' }),
  ),
  http('nginx', 'nginx, classical TLS → TLS', 'direct-pq', nginxSubject, {
    skipped: () => missing('nginx'),
  }),
  http('haproxy', 'haproxy, classical TLS → TLS', 'direct-pq', haproxySubject, {
    skipped: () => missing('haproxy'),
  }),
  {
    name: 'stdio-direct',
    title: 'official SDK client, no gateway',
    group: 'stdio',
    baseline: null,
    skipped: () => null,
    load: { kind: 'sdk-stdio', inFlight: STDIO_IN_FLIGHT },
  },
  stdio('stdio-postern', 'Postern, plain, record off', (bench) =>
    posternSubject(bench, { link: 'plain', server: 'stdio', audit: 'off' }),
  ),
  stdio('stdio-postern-pq-durable', 'Postern, PQ TLS, durable record', (bench) =>
    posternSubject(bench, { link: 'pq', server: 'stdio', audit: 'durable' }),
  ),
  stdio('stdio-mcp-proxy', 'mcp-proxy, plain', mcpProxySubject),
  stdio('stdio-supergateway', 'supergateway, plain', supergatewaySubject, noNamespace),
  handshake('handshakes-bare', 'bare Node.js TLS listener', null, bareListener),
  handshake('handshakes-postern', 'Postern', 'handshakes-bare', posternListener),
];

function http(
  name: string,
  title: string,
  baseline: string | null,
  start: Start,
  special: { readonly skipped?: () => string | null; readonly shape?: CallShape } = {},
): Case {
  const { skipped = () => null, shape = HTTP_SHAPE } = special;
  const load = { kind: 'calls', start, connections: HTTP_CONNECTIONS, shape } as const;
  return { name, title, group: 'http', baseline, skipped, load };
}

/** Stateful: one session, its calls in flight on as many connections. */
function stdio(
  name: string,
  title: string,
  start: Start,
  skipped: () => string | null = () => null,
): Case {
  const shape: CallShape = { ...HTTP_SHAPE, session: true, answer: 'echo' };
  const load = { kind: 'calls', start, connections: STDIO_IN_FLIGHT, shape } as const;
  return { name, title, group: 'stdio', baseline: 'stdio-mcp-proxy', skipped, load };
}

function handshake(name: string, title: string, baseline: string | null, start: Start): Case {
  const load = { kind: 'handshakes', start, connections: HANDSHAKES } as const;
  return { name, title, group: 'handshakes', baseline, skipped: () => null, load };
}
