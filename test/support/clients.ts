import { once } from 'node:events';
import { connect } from 'node:tls';
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

/** Fingerprint of the certificate that a new connection is shown; rejects when it does not verify. */
export async function fingerprintShown(
  postern: Pick<TestPostern, 'ca' | 'endpoint'>,
): Promise<string> {
  const port = Number(new URL(postern.endpoint).port);
  const ecdhCurve = 'X25519MLKEM768';
  const socket = connect({ host: '127.0.0.1', port, ca: postern.ca, ecdhCurve });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate() ?? null;
  // Hanging up before the gateway has seen the end of the handshake would make it a failed one.
  socket.end();
  await once(socket.resume(), 'close');
  if (certificate === null) throw new Error('no certificate was shown');
  return certificate.fingerprint256;
}

/** The group that a client ends up on, or the code of the alert with which it is refused. */
export async function groupNegotiated(
  postern: Pick<TestPostern, 'ca' | 'endpoint'>,
  tls: { readonly ecdhCurve: string; readonly localAddress?: string },
): Promise<string> {
  const port = Number(new URL(postern.endpoint).port);
  const socket = connect({ host: '127.0.0.1', port, ca: postern.ca, ...tls });
  try {
    await once(socket, 'secureConnect');
    const info = socket.getEphemeralKeyInfo();
    // Hanging up before the gateway has seen the end of the handshake would count as a failure.
    socket.end();
    await once(socket.resume(), 'close');
    return String(info !== null && 'name' in info ? info.name : 'unknown');
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? 'unknown';
  } finally {
    socket.destroy();
  }
}
