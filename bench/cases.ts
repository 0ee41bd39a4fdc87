import type { Case, Group, Start, SubjectLoad } from './case.ts';
import type { CallShape } from './load/plan.ts';
import { ANSWER_BYTES, LARGE_ANSWER_BYTES } from './load/plan.ts';
import { directSubject } from './subjects/echo.ts';
import { bareListener, posternListener } from './subjects/handshakes.ts';
import {
  agentgatewaySubject,
  CONTEXTFORGE_TOOL,
  contextForgeSubject,
  noAgentgateway,
  noContextForge,
} from './subjects/mcp-gateways.ts';
import type { PosternOptions } from './subjects/postern.ts';
import { noWorkers, posternSubject } from './subjects/postern.ts';
import { noNamespace } from './subjects/namespace.ts';
import { mcpProxySubject, supergatewaySubject } from './subjects/stdio-bridges.ts';
import { pipeSubject } from './subjects/tls-pipe.ts';
import { haproxySubject, missing, nginxSubject } from './subjects/web-proxies.ts';

const HTTP_CONNECTIONS = 32;
const LARGE_CONNECTIONS = 8;
const STDIO_IN_FLIGHT = 16;
const HANDSHAKES = 8;
/** Size of a request that names a tool and has a few arguments. */
export const REQUEST_BYTES = 300;

/** A call as most cases make it. */
const HTTP_SHAPE: CallShape = {
  revision: '2025-11-25',
  session: 'never',
  tool: 'echo',
  requestBytes: REQUEST_BYTES,
  answer: 'padded',
  answerBytes: ANSWER_BYTES,
};

const PQ_DURABLE: PosternOptions = { link: 'pq', server: 'http', audit: 'durable' };
const LARGE = { answerBytes: LARGE_ANSWER_BYTES };
const NODE = { profilable: true };
/** Calls through gateways that make sessions of their own and write messages anew. */
export const RELAYED = { session: 'offered', answer: 'relayed' } as const;

/** Every case, in the order of a round. */
export const CASES: readonly Case[] = [
  http('direct-plain', 'bare node:http echo', null, direct('plain'), NODE),
  http('direct-pq', 'bare node:https echo, PQ TLS', null, direct('pq'), NODE),
  http(
    'postern-plain',
    'Postern, plain → plain, record off',
    'direct-plain',
    posternSubject({ link: 'plain', server: 'http', audit: 'off' }),
    NODE,
  ),
  http(
    'postern-plain-durable',
    'Postern, plain → plain, durable record',
    'direct-plain',
    posternSubject({ link: 'plain', server: 'http', audit: 'durable' }),
    NODE,
  ),
  http(
    'postern-pq',
    'Postern, PQ TLS → PQ TLS, record off',
    'direct-pq',
    posternSubject({ link: 'pq', server: 'http', audit: 'off' }),
    NODE,
  ),
  http(
    'postern-pq-durable',
    'Postern, PQ TLS → PQ TLS, durable record',
    'direct-pq',
    posternSubject(PQ_DURABLE),
    NODE,
  ),
  http('postern-pq-2026', 'the same, 2026-07-28 calls', 'direct-pq', posternSubject(PQ_DURABLE), {
    ...NODE,
    shape: { revision: '2026-07-28', requestBytes: 420 },
  }),
  http(
    'postern-pq-events',
    'the same, answers as event streams',
    'direct-pq',
    posternSubject({ ...PQ_DURABLE, upstream: { events: true } }),
    NODE,
  ),
  http('nginx', 'nginx, classical TLS → TLS', 'direct-pq', (bench) => nginxSubject(bench), {
    skipped: () => missing('nginx'),
  }),
  http('haproxy', 'haproxy, classical TLS → TLS', 'direct-pq', haproxySubject, {
    skipped: () => missing('haproxy'),
  }),
  http('agentgateway', 'agentgateway, plain → plain', 'direct-plain', agentgatewaySubject, {
    skipped: noAgentgateway,
    shape: RELAYED,
  }),
  http('contextforge', 'ContextForge, plain → plain', 'direct-plain', contextForgeSubject, {
    skipped: noContextForge,
    shape: { ...RELAYED, tool: CONTEXTFORGE_TOOL },
  }),
  {
    name: 'stdio-direct',
    title: 'official SDK client, no gateway',
    group: 'stdio',
    baseline: null,
    profilable: false,
    skipped: () => null,
    load: { kind: 'sdk-stdio', inFlight: STDIO_IN_FLIGHT },
  },
  stdio(
    'stdio-postern',
    'Postern, plain, record off',
    posternSubject({ link: 'plain', server: 'stdio', audit: 'off' }),
    NODE,
  ),
  stdio(
    'stdio-postern-pq-durable',
    'Postern, PQ TLS, durable record',
    posternSubject({ link: 'pq', server: 'stdio', audit: 'durable' }),
    NODE,
  ),
  stdio('stdio-mcp-proxy', 'mcp-proxy, plain', mcpProxySubject),
  stdio('stdio-supergateway', 'supergateway, plain', supergatewaySubject, { skipped: noNamespace }),
  large(
    'large-postern',
    'Postern, PQ TLS → PQ TLS, durable record',
    posternSubject({ ...PQ_DURABLE, upstream: LARGE }),
    NODE,
  ),
  large('large-nginx', 'nginx, classical TLS → TLS', (bench) => nginxSubject(bench, LARGE), {
    skipped: () => missing('nginx'),
  }),
  stream('stream-pipe', 'bare Node.js TLS pipe', null, pipeSubject),
  stream(
    'stream-postern',
    'Postern, PQ TLS → PQ TLS, durable record',
    'stream-pipe',
    posternSubject(PQ_DURABLE),
  ),
  handshake('handshakes-bare', 'bare Node.js TLS listener', null, bareListener),
  handshake('handshakes-postern', 'Postern', 'handshakes-bare', posternListener, NODE),
  workers('workers-1', 'one worker on one core', 1),
  workers('workers-2', 'two workers on two cores', 2),
];

/** What a case may have besides. */
interface Special {
  readonly profilable?: boolean;
  readonly skipped?: () => string | null;
  readonly shape?: Partial<CallShape>;
}

/** A case from what all groups have. */
function caseOf(
  group: Group,
  [name, title, baseline]: readonly [string, string, string | null],
  load: SubjectLoad,
  { profilable = false, skipped = () => null }: Special,
): Case {
  return { name, title, group, baseline, profilable, skipped, load };
}

/** Calls over HTTP with small answers. */
export function http(
  name: string,
  title: string,
  baseline: string | null,
  start: Start,
  special: Special = {},
): Case {
  const shape = { ...HTTP_SHAPE, ...special.shape };
  const load = { kind: 'calls', start, connections: HTTP_CONNECTIONS, shape } as const;
  return caseOf('http', [name, title, baseline], load, special);
}

/** Stateful: one session, its calls in flight on as many connections. */
function stdio(name: string, title: string, start: Start, special: Special = {}): Case {
  const shape: CallShape = { ...HTTP_SHAPE, session: 'always', answer: 'echo' };
  const load = { kind: 'calls', start, connections: STDIO_IN_FLIGHT, shape } as const;
  return caseOf('stdio', [name, title, 'stdio-mcp-proxy'], load, special);
}

function large(name: string, title: string, start: Start, special: Special): Case {
  const shape: CallShape = { ...HTTP_SHAPE, ...LARGE };
  const load = { kind: 'calls', start, connections: LARGE_CONNECTIONS, shape } as const;
  return caseOf('large', [name, title, 'large-nginx'], load, special);
}

function stream(name: string, title: string, baseline: string | null, start: Start): Case {
  return caseOf('streams', [name, title, baseline], { kind: 'stream', start }, NODE);
}

function handshake(
  name: string,
  title: string,
  baseline: string | null,
  start: Start,
  special: Special = {},
): Case {
  const load = { kind: 'handshakes', start, connections: HANDSHAKES } as const;
  return caseOf('handshakes', [name, title, baseline], load, special);
}

/** As many workers as cores; the generator has no core of its own where there are but two. */
function workers(name: string, title: string, count: number): Case {
  const start = posternSubject({ ...PQ_DURABLE, workers: count });
  // As many for each of two workers as others have.
  const load = {
    kind: 'calls',
    start,
    connections: 2 * HTTP_CONNECTIONS,
    shape: HTTP_SHAPE,
  } as const;
  return caseOf('workers', [name, title, 'workers-1'], load, { skipped: () => noWorkers(count) });
}

function direct(link: 'plain' | 'pq'): Start {
  return (bench, nodeOptions) => directSubject(bench, link, nodeOptions);
}
