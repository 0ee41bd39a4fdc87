/** The clients of the matrix: real ones from npm, unmodified, each doing the same two things. */
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { http, programAt, stdio } from '../support/transports.ts';
import type { MatrixServer } from './servers.ts';

/** What a client saw. */
export interface Seen {
  /** Names of the tools that the server offers. */
  readonly tools: readonly string[];
  /** Text of the call's result. */
  readonly text: string;
}

/** A client and its way to a server behind the gateway. */
export interface MatrixClient {
  readonly name: string;
  /** Without the gateway; for a client that sees less than {@link seeDirectly}. */
  seeDirectly?(server: MatrixServer): Promise<Seen>;
  see(server: MatrixServer, postern: TestPostern, caFile: string): Promise<Seen>;
}

/** All but the inspector, which is installed when it is wanted. */
export const MATRIX_CLIENTS: readonly MatrixClient[] = [
  overHttp('the client of SDK 1.x', 1, (transport) => connectV1(transport)),
  overHttp('the client of SDK 2.x', 2, (transport) => connectV2(transport)),
  overHttp('the client of SDK 2.x that tries the newest revision first', 2, (transport) =>
    connectV2(transport, { versionNegotiation: { mode: 'auto' } }),
  ),
  {
    name: 'mcp-remote',
    see: async (server, postern, caFile) => {
      const program = programAt('node_modules/mcp-remote/dist/proxy.js', postern.url(server.name));
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: caFile } as Record<string, string>;
      return await lookAround(server, connectV1(stdio(1, { ...program, env })));
    },
  },
];

/** What a client sees that starts the server itself. */
export function seeDirectly(server: MatrixServer): Promise<Seen> {
  return lookAround(server, connectV2(stdio(2, server.program)));
}

function overHttp(
  name: string,
  generation: 1 | 2,
  connect: (transport: object) => Promise<Peer>,
): MatrixClient {
  return {
    name,
    see: async (server, postern) => {
      const link = pqFetch(postern);
      try {
        const transport = http(generation, postern.url(server.name), link.fetch);
        return await lookAround(server, connect(transport));
      } finally {
        await link.close();
      }
    },
  };
}

async function lookAround({ tool, args }: MatrixServer, connecting: Promise<Peer>): Promise<Seen> {
  const peer = await connecting;
  try {
    const tools = namesOf(await peer.listTools());
    return { tools, text: textOf(await peer.call(tool, args)) };
  } finally {
    await peer.close();
  }
}

/** Names in a list of tools, in an order that compares. */
export function namesOf({ tools }: Awaited<ReturnType<Peer['listTools']>>): readonly string[] {
  return tools.map(({ name }) => name).toSorted();
}

/** The text of a result. */
export function textOf(result: unknown): string {
  const { content = [] } = result as { content?: readonly { text?: string }[] };
  return content.map(({ text = '' }) => text).join('\n');
}
