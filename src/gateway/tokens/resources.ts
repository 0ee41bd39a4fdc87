import type { ListenerSettings } from '#config';
import { metadataPathOf } from '#oauth';

/** Scheme, name and port under which clients reach a listener. */
export function originOf(
  { host, serverNames, tls, authorization }: ListenerSettings,
  port: number,
): string {
  if (authorization !== null && authorization.resource !== null) return authorization.resource;
  const scheme = tls === null ? 'http' : 'https';
  const [name = host] = serverNames;
  const authority = name.includes(':') ? `[${name}]` : name;
  return new URL(`${scheme}://${authority}:${port}`).origin;
}

/**
 * The path of the protected resource that a request's path is of: the endpoint itself, and of the two
 * halves of HTTP+SSE the one that a client knows from the start.
 */
export function resourcePathOf(url: string): string {
  return pathOf(url).replace(/\/messages$/, '/sse');
}

/** The path without the query. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** RFC 9728 §3.1. */
const WELL_KNOWN = metadataPathOf('/');

/** Whether a path is one of protected resource metadata, known or not. */
export function isMetadataPath(url: string | undefined): boolean {
  return url?.startsWith(WELL_KNOWN) === true;
}

/** The path of the resource that a metadata path is of; empty for the whole listener. */
export function describedPathOf(url: string): string {
  return pathOf(url).slice(WELL_KNOWN.length);
}
