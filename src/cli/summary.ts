import type { LinkRecord } from '#audit';
import { describeLink } from '#crypto';
import type { UpstreamHealth } from '#transport';
import type { RunningPostern } from './compose.ts';
import { endpointOf, originOf, originOfListener } from './endpoint.ts';
import { print, style, table } from './output.ts';
import { packageVersion } from './package.ts';
import type { SelfCheck } from './self-check.ts';

/** State of each server's hop, by name. */
export type Hops = ReadonlyMap<string, UpstreamHealth>;

/** Tries the hop to every server. */
export async function probeHops(postern: RunningPostern): Promise<Hops> {
  const { upstreams } = postern.gateway;
  const healths = await Promise.all(
    upstreams.map(async (upstream) => [upstream.name, await upstream.health()] as const),
  );
  return new Map(healths);
}

/** The summary as one JSON object: endpoint, admin, links, tools, record. */
export function summaryJson(postern: RunningPostern, hops: Hops, check: SelfCheck | null) {
  const names = postern.gateway.upstreams.map((upstream) => upstream.name);
  return {
    version: packageVersion(),
    endpoint: originOf(postern),
    listeners: Object.fromEntries(
      postern.listeners.map((listener) => [listener.name, originOfListener(listener)]),
    ),
    endpoints: Object.fromEntries(names.map((name) => [name, endpointOf(postern, name)])),
    admin: adminUrl(postern),
    ca: postern.identity.caFile,
    state: postern.stateDir,
    record_dir: postern.recordDir,
    links: {
      client: check?.record.client.link ?? null,
      upstreams: Object.fromEntries(names.map((name) => [name, linkOf(hops.get(name)) ?? null])),
    },
    tools: Object.fromEntries((check?.servers ?? []).map(({ name, tools }) => [name, tools])),
    record: check?.record ?? null,
  };
}

/** The summary for people. */
export function printSummary(postern: RunningPostern, hops: Hops, check: SelfCheck | null): void {
  const { upstreams } = postern.gateway;
  print('');
  print(`  ${style('bold', `Postern ${packageVersion()}`)} is up`);
  print('');
  const rows = [
    ...postern.listeners.map((listener, index) => [
      index === 0 ? 'Endpoint' : '',
      style('cyan', `${originOfListener(listener)}/servers/<name>/mcp`),
    ]),
    ['All at once', style('cyan', `${originOf(postern)}/mcp`)],
    ['Admin', adminUrl(postern) ?? 'off'],
    ['State', postern.stateDir],
    ['CA', postern.identity.caFile],
  ];
  if (check !== null) rows.push(['Client link', strengthOf(check.record.client.link)]);
  print(table(rows));
  print('');
  const tools = new Map(check?.servers.map((server) => [server.name, server]));
  const titles = ['Server', 'Link to it', ...(check === null ? [] : ['Tools', 'Revision'])];
  print(
    table([
      titles.map((title) => style('dim', title)),
      ...upstreams.map(({ name }) => {
        const seen = tools.get(name);
        const link = linkOf(hops.get(name));
        const strength =
          link === undefined ? style('red', hops.get(name)?.detail ?? '') : strengthOf(link);
        return seen === undefined
          ? [name, strength]
          : [name, strength, String(seen.tools.length), seen.revision ?? ''];
      }),
    ]),
  );
  print('');
  if (check !== null) printRecord(check);
  printHowTo(postern);
}

function printRecord({ record }: SelfCheck): void {
  const what = [record.mcp.method, record.mcp.tool].filter((part) => part !== undefined).join(' ');
  const rules = record.decision.rules.join(', ');
  print(
    `  ${style('green', '✓')} recorded ${what} on ${record.mcp.server}: ` +
      `${record.decision.effect} by ${rules}, ${record.outcome.status}, ${record.duration_ms} ms`,
  );
  print(`    ${style('dim', `entry ${record.id}`)}`);
  print('');
}

function printHowTo(postern: RunningPostern): void {
  const [first] = postern.gateway.upstreams;
  if (first === undefined) return;
  const url = endpointOf(postern, first.name);
  print(`  ${style('bold', 'Connect an MCP client')} (Node 24 or newer speaks hybrid ML-KEM):`);
  if (url.startsWith('https:')) {
    print(`    NODE_EXTRA_CA_CERTS=${postern.identity.caFile} \\`);
  }
  print(`    npx @modelcontextprotocol/inspector --cli ${url} --method tools/list`);
  print(
    `  ${style('bold', 'Give it an identity')}: ${ownCommand()} cert issue alice --state ${postern.stateDir}`,
  );
  print('');
}

/** How whoever started the gateway calls Postern's commands; its scripts are of its own package. */
function ownCommand(env = process.env): string {
  if (env['npm_command'] === undefined) return 'postern';
  const isScript = env['npm_command'] !== 'exec' && env['npm_package_name'] === 'postern';
  return isScript ? 'npm run postern --' : 'npx postern';
}

function adminUrl({ admin }: RunningPostern): string | null {
  return admin === null ? null : `http://127.0.0.1:${admin.address.port}/readyz`;
}

function linkOf(health: UpstreamHealth | undefined): LinkRecord | undefined {
  return health?.link ? describeLink(health.link) : undefined;
}

function strengthOf(link: LinkRecord): string {
  if (link['kind'] === 'pipe') return 'stdio (stays on this machine)';
  if (link['kind'] === 'plain') return 'plain HTTP on loopback';
  const signature = link['peer_signature'] ?? link['local_signature'];
  const text = `${String(link['group'])} · ${String(signature)}`;
  return link['quantum_safe'] === true ? style('green', text) : style('yellow', text);
}
