import type { SingleHeaders } from '#mcp';

/** User name and password of HTTP Basic (RFC 7617 §2). */
interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** A name of 63 characters and a token of 64 fit by far. */
const MAX_HEADER = 512;
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** The credentials of a request; `null` when it has none, or none that can be read. */
export function basicCredentials(headers: SingleHeaders): BasicCredentials | null {
  const header = headers['authorization'] ?? '';
  const encoded = header.length > MAX_HEADER ? undefined : BASIC.exec(header)?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
