/** EST (RFC 7030) by hand, for what no EST client would send. */
import type { ClientTls } from './clients.ts';
import { pqFetch } from './clients.ts';
import type { TestPostern } from './postern.ts';

/** One request. */
export interface EstExchange {
  readonly method?: string;
  readonly headers?: object;
  readonly body?: string;
  readonly tls?: ClientTls;
  /** Origin of the listener; the first one when absent. */
  readonly at?: string;
}

/** Its answer. */
export interface EstAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends one request to an EST path on a connection of its own. */
export async function askEst(
  postern: TestPostern,
  path: string,
  { tls, at = postern.endpoint, headers, ...rest }: EstExchange,
): Promise<EstAnswer> {
  const link = pqFetch(postern, tls);
  try {
    const response = await link.fetch(`${at}/.well-known/est/${path}`, {
      ...rest,
      headers: { 'content-type': 'application/pkcs10', ...headers },
    });
    return { status: response.status, headers: response.headers, body: await response.text() };
  } finally {
    await link.close();
  }
}

/** The header of HTTP Basic. */
export function basic(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
