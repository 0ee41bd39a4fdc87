import { CHANNEL_PROOF_HEADER, ChannelProofInvalid, verifyChannelProof } from '#identity';
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import { mayBeForeign } from '#tls';
import type { HttpExchange } from '#transport';
import type { Connection } from './link-book.ts';
import type { ListenerOptions } from './listener.ts';

/**
 * Takes the second proof of a client's identity from a request, once for its connection: from then on
 * the connection's link has it.
 *
 * @returns why the request is refused, `null` when it is not.
 */
export function takeSecondProof(
  connection: Connection,
  { headers }: Pick<HttpExchange, 'headers'>,
  { refusesPeer }: Pick<ListenerOptions, 'refusesPeer'>,
): PosternError | null {
  forgetExpired(connection);
  const { link, socket, epoch } = connection;
  const { secondProof: demand } = epoch.tls;
  if (demand === 'off' || link.secondPeerSignature !== null) return null;
  const field = headers[CHANNEL_PROOF_HEADER];
  if (field === undefined) {
    return demand === 'required'
      ? new ChannelProofInvalid(`the header ${CHANNEL_PROOF_HEADER} is missing`)
      : null;
  }
  const spiffeId = link.peer?.spiffeId ?? null;
  try {
    const { scheme, peer } = verifyChannelProof(field, socket, {
      rootsPem: mayBeForeign(spiffeId, epoch.tls) ? epoch.tls.secondCaPem : epoch.tls.ownCaPem,
      spiffeId,
      nowMs: Date.now(),
    });
    const refused = refusesPeer(peer);
    if (refused !== null) throw new ChannelProofInvalid(`the second certificate: ${refused}`);
    connection.secondPeer = peer;
    connection.link = { ...link, secondPeerSignature: scheme };
    return null;
  } catch (thrown) {
    return toPosternError(thrown);
  }
}

/** What was proven with a certificate holds until that ends. */
function forgetExpired(connection: Connection): void {
  const { link, secondPeer } = connection;
  if (secondPeer === null || Date.now() < secondPeer.notAfterMs) return;
  connection.secondPeer = null;
  connection.link = { ...link, secondPeerSignature: null };
}
