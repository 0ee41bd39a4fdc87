import { Agent, fetch as undiciFetch } from 'undici';
import type { TestPostern } from './postern.ts';

/** TLS options beyond the defaults of {@link pqFetch}. */
export interface ClientTls {
  readonly key?: string;
  readonly cert?: string;
  readonly ecdhCurve?: string;
  readonly sigalgs?: string;
}

/** A `fetch` for official MCP clients that trusts one server and speaks hybrid ML-KEM to it. */
export function pqFetch(
  server: Pick<TestPostern, 'ca'>,
  tls: ClientTls = {},
): { fetch: typeof fetch; close(): Promise<void> } {
  const agent = new Agent({
    connect: { ca: server.ca, ecdhCurve: 'X25519MLKEM768', ...tls },
    allowH2: false,
  });
  const fetchThrough = (url: unknown, init: unknown) =>
    undiciFetch(url as string, { ...(init as object), dispatcher: agent });
  return {
    fetch: fetchThrough,
    close: () => agent.destroy(),
  };
}
