import type { IncomingHttpHeaders } from 'node:http';
import type { Framing } from './body-parser.ts';
import { declaredFraming, keepsAlive } from './framing.ts';
import { MalformedMessage } from './malformed.ts';
import { readFields } from './wire-fields.ts';

/** What the status line and the header fields of a response say. */
export interface WireHead {
  readonly status: number;
  /** Names in lower case; a field that came more than once has all its values. */
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  /** Whether the server takes another request on the connection. */
  readonly keepAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
const NO_BODY: Framing = { kind: 'none' };
const TO_THE_END: Framing = { kind: 'close' };

/**
 * Reads the head of a response.
 *
 * @param text the status line, the fields, and the empty line, each with CR and LF; Latin-1.
 * @throws MalformedMessage also for what RFC 9112 lets a recipient mend: two parsers would mend it
 *   differently, and one response would be two.
 */
export function readWireHead(text: string): WireHead {
  const match = STATUS_LINE.exec(text);
  if (match === null) throw new MalformedMessage('its status line is none');
  const isOld = match[1] === '0';
  const status = Number(match[2]);
  const { headers } = readFields(text, match[0].length);
  const framing = framingOf(status, isOld, headers);
  const keepAlive = framing.kind !== 'close' && keepsAlive(isOld, headers);
  return { status, headers, framing, keepAlive };
}

function framingOf(status: number, isOld: boolean, headers: IncomingHttpHeaders): Framing {
  const declared = declaredFraming(isOld, headers);
  if (status < 200 || status === 204 || status === 304) return NO_BODY;
  return declared ?? TO_THE_END;
}
