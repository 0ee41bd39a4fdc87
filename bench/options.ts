import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import type { Times, Watched } from './load/plan.ts';
import type { Peer } from './subjects/peer.ts';

const FULL: Times = { warmUpMs: 12_000, warmUpCalls: 20_000, windowMs: 5000, openMs: 5000 };
const QUICK: Times = { warmUpMs: 1000, warmUpCalls: 1000, windowMs: 1000, openMs: 1000 };
const ROUNDS = 5;
const UPSTREAM_PORT = 9100;

export const HELP = `Usage: npm run bench -- [options]

Measures calls per second, latency and CPU time of Postern and of what it is compared with.
A full run takes about fifty minutes, and writes docs/benchmarks.md; keep the machine idle meanwhile.

Options:
  --case <name>   run this case alone; may be given more than once
  --rounds <n>    rounds over all cases (default ${ROUNDS})
  --quick         one short round, to see that everything runs
  --publish       rewrite docs/benchmarks.md, its charts and bench/results/published.json; cases
                  that were not measured stay as they are (a run of all cases does so by itself)
  --json          print the results as JSON
  --help          print this

To compare a gateway that you have started, which must forward to the upstream that is printed:
  --peer <name>=<url>[,pid=<n>|,cgroup=<directory>]
                        its MCP endpoint, http: or https:; may be given more than once. CPU time is
                        counted if its process or cgroup (version 2) is on this machine
  --upstream-port <n>   port of the upstream on 127.0.0.1 (default ${UPSTREAM_PORT})
  --tool <name>         the gateway's name of the upstream's tool (default echo)
  --header <name: value>  sent with every call; may be given more than once
  --header @<file>      the same, one a line, for credentials: arguments can be read by others
  --ca <file>           authorities of an https: peer, PEM

Every run writes its results to bench/results/ as JSON.

Cases:
${CASES.map(({ name, title, group }) => `  ${name.padEnd(26)}${group}: ${title}`).join('\n')}
`;

/** What a run is asked to do. */
export interface Options {
  readonly help: boolean;
  readonly json: boolean;
  readonly cases: readonly Case[];
  readonly peers: readonly Peer[];
  readonly upstreamPort: number;
  readonly rounds: number;
  readonly times: Times;
  readonly publish: boolean;
}

/** @throws Error for what is no option, or does not go together. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      peer: { type: 'string', multiple: true, default: [] },
      'upstream-port': { type: 'string', default: String(UPSTREAM_PORT) },
      tool: { type: 'string', default: 'echo' },
      header: { type: 'string', multiple: true, default: [] },
      ca: { type: 'string' },
    },
  });
  const { tool, ca } = values;
  const headers = Object.fromEntries(values.header.flatMap(headerLines).map(headerOf));
  const peers = values.peer.map((text) => peerOf(text, { tool, headers, ca: ca ?? null }));
  if (values.publish && (values.quick || peers.length > 0)) {
    throw new Error('neither a quick run nor one with peers is published');
  }
  return {
    help: values.help,
    json: values.json,
    cases: casesOf(values.case, peers),
    peers,
    upstreamPort: wholeNumber('--upstream-port', values['upstream-port']),
    rounds: wholeNumber('--rounds', values.rounds ?? (values.quick ? '1' : String(ROUNDS))),
    times: values.quick ? QUICK : FULL,
    publish: values.publish || (values.case.length + peers.length === 0 && !values.quick),
  };
}

/** Those named; beside peers, what their links compare with; else all. */
function casesOf(names: readonly string[], peers: readonly Peer[]): readonly Case[] {
  const unknown = names.find((name) => !CASES.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`there is no case "${unknown}"`);
  const beside = new Set(
    peers.flatMap(({ target }) =>
      target.tls === null
        ? ['direct-plain', 'postern-plain', 'postern-plain-durable']
        : ['direct-pq', 'postern-pq', 'postern-pq-durable'],
    ),
  );
  const wanted = new Set(names.length > 0 ? names : beside);
  return CASES.filter(({ name }) => wanted.size === 0 || wanted.has(name));
}

function peerOf(
  text: string,
  common: {
    readonly tool: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly ca: string | null;
  },
): Peer {
  const [, name, address = '', kind, place = ''] =
    /^([\w.-]+)=([^,]+)(?:,(pid|cgroup)=(.+))?$/.exec(text) ?? [];
  if (name === undefined || !URL.canParse(address)) {
    throw new Error(`--peer takes <name>=<url>[,pid=<n>|,cgroup=<directory>], not "${text}"`);
  }
  const { protocol, hostname, port, pathname, search } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`${address} is not HTTP`);
  const isTls = protocol === 'https:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isTls && common.ca === null) throw new Error(`${address} needs --ca`);
  return {
    name,
    tool: common.tool,
    target: {
      host,
      port: Number(port === '' ? (isTls ? 443 : 80) : port),
      path: pathname + search,
      tls: isTls ? { caFile: common.ca ?? '', serverName: host, group: null, keyType: null } : null,
      headers: common.headers,
    },
    watch: watchOf(kind, place),
  };
}

function watchOf(kind: string | undefined, place: string): Watched | null {
  if (kind === undefined) return null;
  return kind === 'pid'
    ? { role: 'subject', pid: wholeNumber('pid', place) }
    : { role: 'subject', cgroup: place };
}

function headerLines(text: string): readonly string[] {
  if (!text.startsWith('@')) return [text];
  return readFileSync(text.slice(1), 'utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

function headerOf(text: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new Error('--header takes "<name>: <value>" or @<file> with such lines');
  }
  return [name.toLowerCase(), value];
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes a whole number`);
  return Number(text);
}
