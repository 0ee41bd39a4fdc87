import type { RequestFrame, ResponseFrame } from '#mcp';
import { isObject, metaOf, RPC } from '#mcp';

const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';
const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const MISSING_CAPABILITY = -32021;

/** Errors that only a server of the stateless era knows. */
const STATELESS_ERRORS: ReadonlySet<number> = new Set([
  RPC.headerMismatch,
  MISSING_CAPABILITY,
  RPC.unsupportedVersion,
]);

const REMEMBER_MS = 10 * 60 * 1000;
const MAX_REMEMBERED = 1024;

/**
 * Remembers that a program speaks the stateful revisions alone, so that it is not started for calls
 * that it cannot serve. Each principal learns for itself: what one sends must not decide what the
 * others get.
 */
export class Eras {
  readonly #until = new Map<string, number>();

  isStateful(principal: string): boolean {
    return (this.#until.get(principal) ?? 0) > performance.now();
  }

  learnStateful(principal: string): void {
    this.#until.delete(principal);
    this.#until.set(principal, performance.now() + REMEMBER_MS);
    const [oldest] = this.#until.keys();
    if (this.#until.size > MAX_REMEMBERED && oldest !== undefined) this.#until.delete(oldest);
  }
}

/**
 * Whether this answer to a well-formed `server/discover` shows a server of the stateful era, which
 * refuses what it does not know with any error of its own (2026-07-28, stdio, Backward Compatibility).
 */
export function showsStateful(request: RequestFrame, answer: ResponseFrame): boolean {
  if (request.method !== 'server/discover' || !('error' in answer.outcome)) return false;
  return hasEnvelope(request) && !STATELESS_ERRORS.has(answer.outcome.error.code);
}

/** Whether the server says that it does not have the method at all. */
export function isMethodUnknown({ outcome }: ResponseFrame): boolean {
  return 'error' in outcome && outcome.error.code === RPC.methodNotFound;
}

/** HTTP status of an answer (2026-07-28, Streamable HTTP). */
export function statusOf(request: RequestFrame, answer: ResponseFrame): number {
  if (!('error' in answer.outcome)) return 200;
  const { code } = answer.outcome.error;
  if (code === RPC.methodNotFound) return 404;
  if (STATELESS_ERRORS.has(code)) return 400;
  return code === RPC.invalidParams && !hasEnvelope(request) ? 400 : 200;
}

function hasEnvelope(request: RequestFrame): boolean {
  const meta = metaOf(request.params);
  return typeof meta[PROTOCOL_VERSION] === 'string' && isObject(meta[CLIENT_CAPABILITIES]);
}
