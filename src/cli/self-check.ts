import { readFile } from 'node:fs/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { CallEntry } from '#audit';
import { profileByName, tlsOptionsOf } from '#crypto';
import { issueClient } from '#identity';
import { messageOf } from '#lib';
import { readRecord } from '#store';
import { Agent, fetch as undiciFetch } from 'undici';
import { SelfCheckFailed } from './errors.ts';
import type { RunningPostern } from './compose.ts';
import { endpointOf } from './endpoint.ts';

/** What a real MCP client saw through the front door. */
export interface SelfCheck {
  readonly servers: readonly ServerCheck[];
  /** The entry of one call, read back from the record. */
  readonly record: CallEntry;
}

/** One server as seen through the gateway. */
export interface ServerCheck {
  readonly name: string;
  readonly endpoint: string;
  /** Names of the tools that policy shows to this client. */
  readonly tools: readonly string[];
  readonly revision: string | null;
  /** Why the server could not be used, `null` when it could. */
  readonly problem: string | null;
}

/**
 * Connects to every server through the gateway's own front door with the official MCP client, over
 * real TLS with a certificate of its own, lists the tools and makes one call.
 *
 * @param clientName identity to use; `null` to call without a certificate.
 * @throws SelfCheckFailed when no server answers, or the call is not in the record.
 */
export async function selfCheck(
  postern: RunningPostern,
  clientName: string | null,
): Promise<SelfCheck> {
  const agent = await createAgent(postern, clientName);
  try {
    const servers: ServerCheck[] = [];
    for (const { name } of postern.gateway.upstreams) {
      servers.push(await checkServer(agent, name, endpointOf(postern, name)));
    }
    const broken = servers.find((server) => server.problem !== null);
    if (broken !== undefined) {
      throw new SelfCheckFailed(`server "${broken.name}": ${broken.problem}`);
    }
    return { servers, record: await lastCall(postern) };
  } finally {
    await agent.close();
  }
}

async function createAgent(postern: RunningPostern, clientName: string | null): Promise<Agent> {
  const ca = await readFile(postern.identity.caFile, 'utf8');
  const issued = clientName === null ? null : await issueClient(postern.stateDir, clientName);
  const profile = profileByName('hybrid');
  const options = {
    ca,
    ...(profile === undefined ? {} : tlsOptionsOf(profile)),
    ...(issued === null ? {} : { key: issued.keyPem, cert: issued.chainPem }),
  };
  return new Agent({ connect: options, allowH2: false });
}

async function checkServer(agent: Agent, name: string, endpoint: string): Promise<ServerCheck> {
  const client = new Client(
    { name: 'postern-self-check', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
    fetch: (url, init) =>
      undiciFetch(url as string, { ...(init as object), dispatcher: agent }) as never,
  });
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    await callOne(client, names);
    const revision = client.getNegotiatedProtocolVersion() ?? null;
    return { name, endpoint, tools: names, revision, problem: null };
  } catch (thrown) {
    return { name, endpoint, tools: [], revision: null, problem: messageOf(thrown) };
  } finally {
    await transport.terminateSession().catch(() => undefined);
    await client.close();
  }
}

/** A tool that is known to be harmless, where the server has it; listing alone is a call too. */
async function callOne(client: Client, tools: readonly string[]): Promise<void> {
  if (!tools.includes('echo')) return;
  const message = 'hello, quantum-safe world';
  const result = await client.callTool({ name: 'echo', arguments: { message } });
  if (!JSON.stringify(result.content).includes(message)) {
    throw new SelfCheckFailed('tool "echo" answered something else');
  }
}

async function lastCall(postern: RunningPostern): Promise<CallEntry> {
  let last: CallEntry | undefined;
  for await (const line of readRecord(postern.recordDir)) {
    if (!('entry' in line) || line.entry.mcp.method === null) continue;
    if (line.entry.mcp.method === 'tools/call' || last?.mcp.method !== 'tools/call') {
      last = line.entry;
    }
  }
  if (last === undefined) throw new SelfCheckFailed('the record has no entry');
  return last;
}
