import type { JsonObject, Revision } from '#mcp';
import { REVISION_NAMES, revisionsFrom } from '#mcp';

/**
 * The revisions that servers say they support, learned from their answers to `server/discover` that
 * pass through. It only shortens what a client is told to choose from.
 */
export class ServerRevisions {
  /** As many as there are servers, each with names of known revisions alone. */
  readonly #byServer = new Map<string, ReadonlySet<string>>();

  /** Learns from a server's own answer. */
  learn(server: string, { supportedVersions }: JsonObject): void {
    if (!Array.isArray(supportedVersions)) return;
    const claimed = new Set<unknown>(supportedVersions);
    this.#byServer.set(server, new Set(REVISION_NAMES.filter((name) => claimed.has(name))));
  }

  /** What a client of the server may choose from, as far as is known; oldest first. */
  of(server: string, min: Revision): readonly string[] {
    const taken = revisionsFrom(min);
    const claimed = this.#byServer.get(server);
    const both = taken.filter((name) => claimed?.has(name) === true);
    return both.length > 0 ? both : taken;
  }
}
