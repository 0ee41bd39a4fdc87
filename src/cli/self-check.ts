import { readFile } from 'node:fs/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { CallEntry } from '#audit';
import { DEFAULT_PROFILE, profileByName, tlsOptionsOf } from '#crypto';
import { issueClient } from '#identity';
import { messageOf } from '#lib';
import { readRecord } from '#store';
import { Agent, fetch as undiciFetch } from 'undici';
import { SelfCheckFailed } from './errors.ts';

/** The gateway to check, as anybody outside its process knows it. */
export interface SelfCheckTarget {
  readonly stateDir: string;
  readonly recordDir: string;
  readonly caFile: string;
  /** Identity to use; `null` to call without a certificate. */
  readonly clientName: string | null;
  readonly servers: readonly { readonly name: string; readonly endpoint: string }[];
}

/** What a real MCP client saw through the front door. */
export interface SelfCheck {
  readonly servers: readonly ServerCheck[];
  /** The entry of one call, read back from the record. */
  readonly record: CallEntry;
}

/** One server as seen through the gateway. */
export interface ServerCheck {
  readonly name: string;
  /** Names of the tools that policy shows to this client. */
  readonly tools: readonly string[];
  /** Protocol revision that the server speaks with the gateway; `null` when the record does not say. */
  readonly revision: string | null;
}

/**
 * Connects to every server through the gateway's own front door with the official MCP client, over
 * real TLS with a certificate of its own, lists the tools, makes a call and finds it in the record.
 *
 * @throws SelfCheckFailed when a server does not answer, or the call is not in the record.
 */
export async function selfCheck(target: SelfCheckTarget): Promise<SelfCheck> {
  const startedAt = new Date().toISOString();
  const agent = await createAgent(target);
  try {
    const seen: Omit<ServerCheck, 'revision'>[] = [];
    for (const { name, endpoint } of target.servers) {
      seen.push(await checkServer(agent, name, endpoint));
    }
    const { last, revisions } = await recorded(target.recordDir, startedAt);
    const servers = seen.map(({ name, tools }) => ({
      name,
      tools,
      revision: revisions.get(name) ?? null,
    }));
    return { servers, record: last };
  } finally {
    await agent.close();
  }
}

async function createAgent({ stateDir, caFile, clientName }: SelfCheckTarget): Promise<Agent> {
  const ca = await readFile(caFile, 'utf8');
  const issued = clientName === null ? null : await issueClient(stateDir, clientName);
  const profile = profileByName(DEFAULT_PROFILE);
  const options = {
    ca,
    ...(profile === undefined ? {} : tlsOptionsOf(profile)),
    ...(issued === null ? {} : { key: issued.keyPem, cert: issued.chainPem }),
  };
  return new Agent({ connect: options, allowH2: false });
}

async function checkServer(
  agent: Agent,
  name: string,
  endpoint: string,
): Promise<Omit<ServerCheck, 'revision'>> {
  const client = new Client(
    { name: 'postern-self-check', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher: agent }),
  });
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    await callOne(client, names);
    return { name, tools: names };
  } catch (thrown) {
    throw new SelfCheckFailed(`server "${name}": ${messageOf(thrown)}`, { cause: thrown });
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

/** One call of the record since a time, and what each server has spoken since. */
async function recorded(
  recordDir: string,
  startedAt: string,
): Promise<{ last: CallEntry; revisions: ReadonlyMap<string, string> }> {
  let last: CallEntry | undefined;
  const revisions = new Map<string, string>();
  for await (const line of readRecord(recordDir)) {
    if (!('entry' in line) || line.entry.time < startedAt) continue;
    const { mcp, upstream } = line.entry;
    if (mcp.server !== null && typeof upstream?.revision === 'string') {
      revisions.set(mcp.server, upstream.revision);
    }
    if (mcp.method === 'tools/call' || last?.mcp.method !== 'tools/call') {
      last = line.entry;
    }
  }
  if (last === undefined) throw new SelfCheckFailed('the record has no entry');
  return { last, revisions };
}
