/** The protocol revisions that pass through over Streamable HTTP, and how they differ for a gateway. */

/** One revision of the Model Context Protocol. */
export interface Revision {
  readonly name: string;
  /**
   * `stateful`: `initialize` opens a session, GET streams and DELETE exist, a lost connection is no
   * cancellation. `stateless`: each request stands alone and a lost connection cancels it.
   */
  readonly era: 'stateful' | 'stateless';
}

const REVISIONS: readonly Revision[] = [
  // Its own transport is HTTP+SSE, but clients that negotiate it over Streamable HTTP exist.
  { name: '2024-11-05', era: 'stateful' },
  { name: '2025-03-26', era: 'stateful' },
  { name: '2025-06-18', era: 'stateful' },
  { name: '2025-11-25', era: 'stateful' },
  { name: '2026-07-28', era: 'stateless' },
];

/** What a client speaks that sends no MCP-Protocol-Version header (Streamable HTTP, 2025-11-25). */
export const UNDECLARED_REVISION: Revision = { name: '2025-03-26', era: 'stateful' };

/** Names of all revisions, oldest first. */
export const REVISION_NAMES: readonly string[] = REVISIONS.map((revision) => revision.name);

/** Names of the revisions from this one on; they are dates. */
export function revisionsFrom(oldest: Revision): readonly string[] {
  return REVISION_NAMES.filter((name) => name >= oldest.name);
}

/** The oldest revision that there is. */
export const OLDEST_REVISION: Revision = { name: '2024-11-05', era: 'stateful' };

/** The revision of this name, or `undefined` when Postern does not pass it on. */
export function revisionByName(name: string): Revision | undefined {
  return REVISIONS.find((revision) => revision.name === name);
}
