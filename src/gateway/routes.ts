import type { Call } from '#pipeline';
import { PathUnknown } from './errors.ts';
import { isMetadataPath } from './tokens/resources.ts';

/** What a path leads to. */
export interface Route {
  readonly target: Target;
  /**
   * `mcp` is Streamable HTTP; `sse` and `messages` are the two halves of the transport HTTP+SSE
   * (2024-11-05).
   */
  readonly endpoint: 'mcp' | 'sse' | 'messages';
}

/** One server, or many behind one endpoint: all of them or a named set. */
export type Target =
  | { readonly kind: 'server'; readonly name: string }
  | { readonly kind: 'federation'; readonly set: string | null };

/** Kind, name and endpoint of a path without its query; the first two are absent for `/mcp`. */
export const PATH = /^(?:\/(servers|sets)\/([a-z0-9][a-z0-9_-]{0,63}))?\/(mcp|sse|messages)$/;

const SSE_PATH = /^[^?]*\/(sse|messages)(?:\?|$)/;

/**
 * Where a request goes, by its path: `/servers/<name>/mcp` for one server, `/mcp` for all of them,
 * `/sets/<name>/mcp` for a named set.
 *
 * @throws PathUnknown
 */
export function routeOf(url: string): Route {
  const match = PATH.exec(url.split('?', 1)[0] ?? '');
  if (match === null) throw new PathUnknown('this path is no MCP endpoint');
  const [, kind, name = null, endpoint] = match;
  const target: Target =
    kind === 'servers' && name !== null
      ? { kind: 'server', name }
      : { kind: 'federation', set: name };
  return { target, endpoint: endpoint as Route['endpoint'] };
}

/** What calls to a target have in common; one to many servers names none of them yet. */
export function addressOf(target: Target): Pick<Call, 'server' | 'via'> {
  if (target.kind === 'server') return { server: target.name, via: null };
  return { server: '', via: target.set === null ? '/mcp' : `/sets/${target.set}/mcp` };
}

/** The methods that a path has, as far as it alone tells (RFC 9110 §10.2.1). */
export function methodsOf(url: string | undefined): readonly string[] {
  if (isMetadataPath(url)) return ['GET'];
  const [, half] = SSE_PATH.exec(url ?? '') ?? [];
  if (half === undefined) return ['POST', 'GET', 'DELETE'];
  return half === 'sse' ? ['GET'] : ['POST'];
}

/** Whether a path is one of the two halves of HTTP+SSE. */
export function isSsePath(url: string | undefined): boolean {
  return SSE_PATH.test(url ?? '');
}
