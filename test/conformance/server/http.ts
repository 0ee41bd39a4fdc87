import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import type { McpServerFactory } from '@modelcontextprotocol/server';
import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryEventStore } from '../../fixtures/event-store.ts';
import { fixtureFactory } from './fixture.ts';

/** The fixture on a free port of the loopback. */
export interface FixtureHttp {
  readonly url: string;
  close(): Promise<void>;
}

/** When a client comes back for the rest of a stream that was closed. */
const RETRY_MS = 500;

/** Starts it; both eras are behind one path, as the SDK tells their requests apart. */
export async function startFixtureHttp(): Promise<FixtureHttp> {
  const factory = fixtureFactory({
    toolsChanged: () => modern.notify.toolsChanged(),
    promptsChanged: () => modern.notify.promptsChanged(),
  });
  const modern = createMcpHandler(factory, { legacy: 'reject' });
  const sessions = new Sessions(factory);
  const answer = toNodeHandler({
    fetch: async (request) =>
      (await isLegacyRequest(request)) ? sessions.fetch(request) : modern.fetch(request),
  });
  const isLocalHost = localhostHostValidation();
  const isLocalOrigin = localhostOriginValidation();
  const server = createServer((request, response) => {
    if (!isLocalHost(request, response) || !isLocalOrigin(request, response)) return;
    void answer(request as never, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: async () => {
      await modern.close();
      await sessions.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The sessions of the stateful era. */
class Sessions {
  readonly #factory: McpServerFactory;
  readonly #open = new Map<string, WebStandardStreamableHTTPServerTransport>();

  constructor(factory: McpServerFactory) {
    this.#factory = factory;
  }

  async fetch(request: Request): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    const transport = id === null ? await this.#begin() : this.#open.get(id);
    if (transport !== undefined) return transport.handleRequest(request);
    const error = { code: -32001, message: 'Session not found' };
    return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 404 });
  }

  async close(): Promise<void> {
    for (const transport of this.#open.values()) await transport.close();
  }

  async #begin(): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new MemoryEventStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => void this.#open.set(id, transport),
      onsessionclosed: (id) => void this.#open.delete(id),
    });
    const server = await this.#factory({ era: 'legacy' });
    await server.connect(transport);
    return transport;
  }
}
