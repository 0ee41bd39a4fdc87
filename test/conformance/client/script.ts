/** What a client does in each scenario that tests clients. */
import type { Client } from '@modelcontextprotocol/client';
import type { AnyClient, ToolCall } from './connect.ts';
import { playSkills } from './skills.ts';

/** What the suite tells beside the scenario, in `MCP_CONFORMANCE_CONTEXT`. */
export interface Context {
  readonly toolCalls?: readonly ToolCall[];
}

/** Plays a scenario. */
export async function play(client: AnyClient, scenario: string, context: Context): Promise<void> {
  if (scenario.startsWith('sep-2640-')) {
    await playSkills(client as unknown as Client, scenario !== 'sep-2640-client-no-prefetch');
    return;
  }
  const { tools } = await client.listTools();
  switch (scenario) {
    case 'json-schema-ref-no-deref':
      return;
    case 'json-schema-2020-12-preservation': {
      const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
      await client.callTool({ name: 'json_schema_echo', arguments: { schema } });
      return;
    }
    case 'sep-2322-client-request-state':
      // At the same time, so that the rounds of one meet those of the others. One fails: the SDK takes
      // no result without `resultType`, which the scenario lets through.
      await Promise.allSettled(tools.map(({ name }) => client.callTool({ name, arguments: {} })));
      return;
    default:
      await callAll(client, context.toolCalls ?? tools.map(({ name }) => ({ name })));
      await readAll(client);
  }
}

async function callAll(client: AnyClient, calls: readonly ToolCall[]): Promise<void> {
  for (const { name, arguments: given } of calls) {
    await client.callTool({ name, arguments: given ?? ARGUMENTS[name] ?? {} });
  }
}

/** Arguments of the tools that need some. */
const ARGUMENTS: Readonly<Record<string, Record<string, unknown>>> = {
  add_numbers: { a: 2, b: 3 },
};

async function readAll(client: AnyClient): Promise<void> {
  const offers = client.getServerCapabilities();
  if (offers?.resources !== undefined) {
    const { resources } = await client.listResources();
    for (const { uri } of resources) await client.readResource({ uri });
  }
  if (offers?.prompts !== undefined) {
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) await client.getPrompt({ name });
  }
}
