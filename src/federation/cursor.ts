import { parseJson } from '#lib';
import { InvalidParams } from '#mcp';

/** Where the lists of the servers go on, by name of the server. */
export type Cursors = ReadonlyMap<string, string>;

/** What a cursor with those of many servers may have; a server's own is rarely over 100 characters. */
const MAX_LENGTH = 64 * 1024;
const MAX_OWN_LENGTH = 4096;

/**
 * One cursor for those of many servers. It holds nothing that its bearer could not send to the servers
 * anyhow, so it is not sealed.
 *
 * @returns what fits, and the servers whose cursors did not.
 */
export function formatCursor(cursors: Cursors): {
  readonly cursor: string | null;
  readonly left: readonly string[];
} {
  const kept: Record<string, string> = {};
  const left: string[] = [];
  let size = 0;
  for (const [server, own] of cursors) {
    size += server.length + own.length + 8;
    if (own.length > MAX_OWN_LENGTH || Buffer.byteLength(own) !== own.length || size > MAX_ROOM) {
      left.push(server);
    } else {
      kept[server] = own;
    }
  }
  if (Object.keys(kept).length === 0) return { cursor: null, left };
  return { cursor: Buffer.from(JSON.stringify(kept)).toString('base64url'), left };
}

/** Base64 makes four characters of three. */
const MAX_ROOM = (MAX_LENGTH * 3) / 4 - 2;

/**
 * Reads what {@link formatCursor} made.
 *
 * @param isServer whether a name is one of a server that may be asked.
 * @throws InvalidParams for anything else.
 */
export function readCursor(cursor: unknown, isServer: (name: string) => boolean): Cursors {
  const entries = entriesOf(cursor);
  const cursors = new Map<string, string>();
  for (const [server, own] of entries) {
    if (typeof own !== 'string' || own.length > MAX_OWN_LENGTH) throw invalid();
    // A server may have left since; what it had is then missing from the list, which says so.
    if (isServer(server)) cursors.set(server, own);
  }
  return cursors;
}

function entriesOf(cursor: unknown): readonly (readonly [string, unknown])[] {
  if (typeof cursor !== 'string' || cursor.length > MAX_LENGTH) throw invalid();
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') !== cursor) throw invalid();
  try {
    const value = parseJson(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid();
    return Object.entries(value);
  } catch {
    throw invalid();
  }
}

function invalid(): Error {
  return new InvalidParams('"cursor" is none that this endpoint gave');
}
