import type { Frame } from '#mcp';

/**
 * Requests that ask for something and change nothing, by what the protocol says of them. Not among
 * them is `initialize`, which may open a session, and `tools/call`: the hints of a tool
 * (`readOnlyHint`, `idempotentHint`) are the server's word, and not to be relied on (Tools,
 * "Annotations").
 */
const READS: ReadonlySet<string> = new Set([
  'completion/complete',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/templates/list',
  'server/discover',
  'tools/list',
]);

/** Whether a server may get a message twice without any harm. */
export function isRead(frame: Frame | null): boolean {
  return frame?.kind === 'request' && READS.has(frame.method);
}
