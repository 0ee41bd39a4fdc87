/** Official clients of both SDK generations, as the scenarios of the suite need them. */
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client as Client2 } from '@modelcontextprotocol/client';
import { http } from '../../support/transports.ts';

const INFO = { name: 'postern-conformance', version: '1.0.0' };

/** With `applyDefaults` the SDK fills in what an answer leaves out (SEP-1034). */
const CAPABILITIES = { elicitation: { form: { applyDefaults: true } } };

/** What the scripts use of a client; both generations have it. */
export interface AnyClient {
  listTools(): Promise<{ tools: readonly Tool[] }>;
  listResources(): Promise<{ resources: readonly { uri: string }[] }>;
  listPrompts(): Promise<{ prompts: readonly { name: string }[] }>;
  callTool(params: ToolCall): Promise<unknown>;
  readResource(params: { uri: string }): Promise<unknown>;
  getPrompt(params: { name: string }): Promise<unknown>;
  getServerCapabilities(): { resources?: object; prompts?: object } | undefined;
  close(): Promise<void>;
}

interface Tool {
  readonly name: string;
  readonly inputSchema: object;
}

/** A call of a tool. */
export interface ToolCall {
  name: string;
  arguments?: Record<string, unknown>;
}

/** Connects a client that accepts every form, empty as it is unless it asks for `confirmed`. */
export async function connect(
  generation: 1 | 2,
  url: string,
  through: typeof fetch,
  revision: string,
): Promise<AnyClient> {
  const transport = http(generation, url, through);
  const client = generation === 1 ? first() : second(revision);
  await client.connect(transport);
  return client as AnyClient;
}

function first() {
  const client = new Client1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => accept(params));
  return client;
}

function second(revision: string) {
  const stateless = revision === '2026-07-28';
  const client = new Client2(INFO, {
    capabilities: CAPABILITIES,
    ...(stateless ? { versionNegotiation: { mode: 'auto' as const } } : {}),
  });
  client.setRequestHandler('elicitation/create', ({ params }) => accept(params));
  return client;
}

function accept(params: object) {
  const { requestedSchema } = params as { requestedSchema?: { properties?: object } };
  const confirms = 'confirmed' in (requestedSchema?.properties ?? {});
  return { action: 'accept' as const, content: confirms ? { confirmed: true } : {} };
}
