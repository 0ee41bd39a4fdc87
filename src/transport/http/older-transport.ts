/**
 * A server of the HTTP+SSE transport (2024-11-05) behind an `http:` URL: it refuses the POST of
 * `initialize` with one of three statuses (2025-11-25, Transports, Backwards Compatibility). It is not
 * switched over to by itself, since other servers refuse so too.
 */
import { UpstreamProtocolError } from '../errors.ts';
import type { UpstreamReply } from '../upstream.ts';

const STATUSES: ReadonlySet<number> = new Set([400, 404, 405]);

const HINT =
  'Look at the URL. If the server speaks the older HTTP+SSE transport, configure it under `sse:`, with the URL of its event stream.';

/** @throws UpstreamProtocolError when the reply to `initialize` is a bare refusal. */
export function refuseOlderTransport({ kind, status }: UpstreamReply): void {
  if (kind !== 'empty' || !STATUSES.has(status)) return;
  throw refusal(`the server answers initialize with ${status}`, status);
}

/** The failure of an `initialize`, with a hint at the other transport where it may be that. */
export function withOlderTransportHint(error: unknown): unknown {
  if (!(error instanceof UpstreamProtocolError)) return error;
  const { status } = error.details;
  if (typeof status !== 'number' || !STATUSES.has(status)) return error;
  return refusal(error.message, status, error);
}

function refusal(message: string, status: number, cause?: Error): Error {
  return new UpstreamProtocolError(message, { cause, details: { status }, hint: HINT });
}
