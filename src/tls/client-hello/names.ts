import { isGrease } from './code-points.ts';
import type { Cursor } from './cursor.ts';

/** Longest host name, as OpenSSL has it (`TLSEXT_MAXLEN_host_name`). */
const MAX_HOST_NAME = 255;

/** Protocols of one hello. Real ones offer two or three; about 40 are registered. */
const MAX_PROTOCOLS = 64;

const HOST_NAME = 0;

/** The host name of a ServerNameList (RFC 6066 §3), or `null` when it has names of other types. */
export function readServerName(list: Cursor): string | null {
  let hostName: string | null = null;
  if (list.length === 0) list.fail('server_name is empty');
  while (list.hasMore()) {
    const type = list.u8('server_name');
    const name = list.vector16('server_name');
    if (type !== HOST_NAME) continue;
    if (hostName !== null) list.fail('server_name has two host names');
    hostName = readHostName(name);
  }
  return hostName;
}

function readHostName(name: Cursor): string {
  if (name.length === 0) name.fail('the host name is empty');
  if (name.length > MAX_HOST_NAME) name.fail('the host name is too long');
  const text = name.latin1();
  // RFC 6066 wants ASCII. Without control characters it can go into a log as it is.
  if (/[^\x21-\x7e]/.test(text)) name.fail('the host name has bytes that are no visible ASCII');
  return text;
}

/** The names of a ProtocolNameList (RFC 7301 §3.1), one character for each byte, without GREASE. */
export function readProtocolNames(list: Cursor): string[] {
  const names: string[] = [];
  if (list.length === 0) list.fail('alpn is empty');
  for (let count = 1; list.hasMore(); count += 1) {
    if (count > MAX_PROTOCOLS) list.fail('alpn has too many names');
    const name = list.vector8('alpn');
    if (name.length === 0) list.fail('alpn has an empty name');
    const text = name.latin1();
    if (isGreaseName(text)) list.findings.grease = true;
    else names.push(text);
  }
  return names;
}

/** GREASE comes as protocol names of two bytes as well (RFC 8701 §2). */
function isGreaseName(name: string): boolean {
  return name.length === 2 && isGrease(name.charCodeAt(0) * 256 + name.charCodeAt(1));
}
