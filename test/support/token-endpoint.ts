/** An authorization server on loopback that answers as it is told, for tests of its clients. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { profileByName } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import type { FetchDocument } from '#transport';
import { createDocumentFetcher } from '#transport';
import { listen } from './http-upstream.ts';

/** A request for a token, as it came. */
export interface TokenRequest {
  readonly path: string;
  readonly form: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Answers one request: a document, or by hand. */
type TokenAnswer = (request: TokenRequest, response: ServerResponse) => object | undefined;

/** The server. */
export interface TestTokenEndpoint {
  readonly origin: string;
  readonly requests: TokenRequest[];
  readonly fetch: FetchDocument;
}

/** Starts one for a test; a document is answered with its `status`, or 200. */
export async function serveTokens(t: TestContext, answer: TokenAnswer): Promise<TestTokenEndpoint> {
  const requests: TokenRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const request = { path: incoming.url ?? '', form, headers: incoming.headers };
      requests.push(request);
      const document = answer(request, response);
      if (document === undefined) return;
      const { status = 200, ...body } = document as { status?: number };
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });
  const port = await listen(t, server);
  const profile = profileByName('hybrid');
  if (profile === undefined) throw new Error('the registry lacks a profile');
  const tls = { profile, caPem: null, crls: [], serverName: null, pins: [] };
  const fetch = createDocumentFetcher({
    server: 'notes',
    tls: () => tls,
    limits: { ...DEFAULT_LIMITS, documentTimeoutMs: 500 },
    events: () => undefined,
    acceptLink: () => null,
  });
  return { origin: `http://127.0.0.1:${port}`, requests, fetch };
}
