import type { IncomingHttpHeaders } from 'node:http';
import type { Framing } from './body-parser.ts';
import { MalformedMessage } from './malformed.ts';

const DIGITS = /^\d{1,15}$/;
const CHUNKED: Framing = { kind: 'chunked' };

/**
 * What a head says of the length of its body (RFC 9112, section 6.3), `null` when it says nothing.
 *
 * @param isOld HTTP/1.0, which has no transfer codings.
 * @throws MalformedMessage for a message that contradicts itself, where the RFC has exceptions.
 */
export function declaredFraming(isOld: boolean, headers: IncomingHttpHeaders): Framing | null {
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'] as string | string[] | undefined;
  if (Array.isArray(length) || (length !== undefined && !DIGITS.test(length))) {
    throw new MalformedMessage('its content-length is no length');
  }
  if (coding === undefined) {
    return length === undefined ? null : { kind: 'length', bytes: Number(length) };
  }
  if (length !== undefined) throw new MalformedMessage('it has a length and a transfer coding');
  if (isOld || Array.isArray(coding) || coding.toLowerCase() !== 'chunked') {
    throw new MalformedMessage('its transfer coding is not chunked alone');
  }
  return CHUNKED;
}

/** Whether the sender wants the connection to go on (RFC 9112, section 9.3). */
export function keepsAlive(isOld: boolean, headers: IncomingHttpHeaders): boolean {
  const connection = headers['connection'] as string | string[] | undefined;
  if (connection === undefined) return !isOld;
  if (connection === 'keep-alive') return true;
  const text = String(connection).toLowerCase();
  const options = new Set(text.split(',').map((option) => option.trim()));
  return !options.has('close') && (!isOld || options.has('keep-alive'));
}
