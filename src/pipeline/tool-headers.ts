import type { JsonObject, ParamHeader } from '#mcp';
import { isObject, paramHeadersOf } from '#mcp';

/** Tables kept, the least recently used goes first; one for each caller of each server. */
const MAX_TABLES = 1024;

/** Characters of names and paths in one table; what is over this is not remembered. */
const MAX_TABLE_CHARACTERS = 32 * 1024;

const ANNOTATION = Buffer.from('"x-mcp-header"');

type Table = ReadonlyMap<string, readonly ParamHeader[]>;

/**
 * Which parameters of tools have headers that mirror them, learned from the lists of tools that pass
 * through. Each caller learns for itself: what a server tells one must not decide over the calls of
 * the others.
 */
export class ToolHeaders {
  /** Least recently used first. */
  readonly #tables = new Map<string, Table>();

  /** Those of one tool, none when its caller has not been told of any. */
  of(server: string, owner: string, tool: string): readonly ParamHeader[] {
    const key = keyOf(server, owner);
    const table = this.#tables.get(key);
    if (table === undefined) return [];
    this.#keep(key, table);
    return table.get(tool) ?? [];
  }

  /**
   * Learns from a server's own answer to `tools/list`, of which it may be one page. A tool with an
   * invalid annotation has no headers here: to leave it out is the client's part.
   *
   * @param bytes of the answer.
   */
  learn(server: string, owner: string, result: JsonObject, bytes: Buffer): void {
    const key = keyOf(server, owner);
    const known = this.#tables.get(key);
    // Most servers annotate nothing, and their lists can be long.
    if (known === undefined && !bytes.includes(ANNOTATION)) return;
    const table = new Map(known);
    for (const tool of Array.isArray(result['tools']) ? (result['tools'] as unknown[]) : []) {
      if (!isObject(tool) || typeof tool['name'] !== 'string') continue;
      table.delete(tool['name']);
      const read = paramHeadersOf(tool['inputSchema']);
      if (read.fault === null && read.headers.length > 0) table.set(tool['name'], read.headers);
    }
    this.#keep(key, trimmed(table));
  }

  #keep(key: string, table: Table): void {
    this.#tables.delete(key);
    if (table.size > 0) this.#tables.set(key, table);
    const [oldest] = this.#tables.keys();
    if (this.#tables.size > MAX_TABLES && oldest !== undefined) this.#tables.delete(oldest);
  }
}

/** The tools that fit, the last learned first. */
function trimmed(table: Table): Table {
  let left = MAX_TABLE_CHARACTERS;
  const kept = [...table].toReversed().filter(([tool, headers]) => {
    left -= tool.length;
    for (const { header, path } of headers) left -= header.length + path.join().length;
    return left >= 0;
  });
  return new Map(kept.toReversed());
}

/** No name of a server has a space. */
function keyOf(server: string, owner: string): string {
  return `${server} ${owner}`;
}
