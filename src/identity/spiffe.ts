import type { X509Certificate } from 'node:crypto';
import { SpiffeIdInvalid } from './errors.ts';

/** A parsed SPIFFE id (SPIFFE-ID standard §2). */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Path segments; empty for the id of the trust domain itself. */
  readonly path: readonly string[];
}

const SCHEME = 'spiffe://';
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/**
 * Reads a SPIFFE id in its one canonical spelling: lower-case scheme and trust domain, no empty or
 * dot segments, no port, user info, query, fragment or percent-encoding (SPIFFE-ID §2.1-2.4).
 *
 * @throws SpiffeIdInvalid
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > MAX_ID_BYTES) {
    throw new SpiffeIdInvalid(`SPIFFE id is longer than ${MAX_ID_BYTES} bytes`);
  }
  if (!text.startsWith(SCHEME))
    throw new SpiffeIdInvalid('SPIFFE id does not start with spiffe://');
  const [authority = '', ...path] = text.slice(SCHEME.length).split('/');
  const trustDomain = parseTrustDomain(authority);
  for (const segment of path) {
    if (!SEGMENT.test(segment) || segment === '.' || segment === '..') {
      throw new SpiffeIdInvalid('SPIFFE id has an empty or malformed path segment');
    }
  }
  return { trustDomain, path };
}

/**
 * Checks the name of a trust domain and returns it.
 *
 * @throws SpiffeIdInvalid
 */
export function parseTrustDomain(text: string): string {
  if (text.length <= MAX_TRUST_DOMAIN_BYTES && TRUST_DOMAIN.test(text)) return text;
  throw new SpiffeIdInvalid('malformed trust domain', {
    details: { trust_domain: text.slice(0, MAX_TRUST_DOMAIN_BYTES) },
  });
}

/** The SPIFFE id with this path; without one, the id of the trust domain. */
export function formatSpiffeId(trustDomain: string, ...path: readonly string[]): string {
  return SCHEME + [trustDomain, ...path].join('/');
}

/**
 * The SPIFFE id of a certificate, or `null` when it has none that counts: an X509-SVID has exactly
 * one URI SAN (X509-SVID §2), so a certificate with two URIs has no id, whatever they say.
 */
export function spiffeIdOfCertificate(certificate: X509Certificate): string | null {
  const uris = uriNames(certificate.subjectAltName ?? '');
  const [uri] = uris;
  if (uri === undefined || uris.length !== 1) return null;
  try {
    parseSpiffeId(uri);
    return uri;
  } catch {
    return null;
  }
}

// Node quotes a name as a JSON string when its characters could pass for the list's own syntax.
const SAN_ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/** The URIs in Node's one-line SAN list; none when the list cannot be read to its end. */
function uriNames(list: string): readonly string[] {
  const uris: string[] = [];
  SAN_ENTRY.lastIndex = 0;
  while (SAN_ENTRY.lastIndex < list.length) {
    const entry = SAN_ENTRY.exec(list);
    if (entry === null) return [];
    if (entry[1] === 'URI') uris.push(entry[2] ?? '');
  }
  return uris;
}
