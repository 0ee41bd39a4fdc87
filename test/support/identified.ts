/** Clients of a gateway, with certificates of their own. */
import { issueClient } from '#identity';
import type { ClientTls } from './clients.ts';
import { pqFetch } from './clients.ts';
import type { Peer } from './peer.ts';
import { connectV1 } from './peer.ts';
import type { TestPostern } from './postern.ts';
import { http } from './transports.ts';

/** A caller with connections of its own. */
export interface Caller {
  readonly fetch: typeof fetch;
  /** The official client, connected to one server. */
  connect(server: string): Promise<Peer>;
  close(): Promise<void>;
}

/** A caller with a certificate of this name, issued now; without one when `name` is `null`. */
export async function callerNamed(
  postern: TestPostern,
  name: string | null,
  tls: ClientTls = {},
): Promise<Caller> {
  const credential = name === null ? {} : await certificateFor(postern, name);
  const link = pqFetch(postern, { ...credential, ...tls });
  return {
    fetch: link.fetch,
    connect: (server) => connectV1(http(1, postern.url(server), link.fetch)),
    close: () => link.close(),
  };
}

async function certificateFor(postern: TestPostern, name: string): Promise<ClientTls> {
  const { keyPem, chainPem } = await issueClient(postern.stateDir, name);
  return { key: keyPem, cert: chainPem };
}
