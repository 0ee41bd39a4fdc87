/**
 * The ways in which servers may read one resource URI. Policy has to hold for all of them, since some
 * decode escapes, fold slashes or resolve dots, and some do not.
 */

/** Escapes within escapes; deeper nesting than real servers undo. */
const MAX_ROUNDS = 4;

/** The URI as sent first, then its other readings, each once. */
export function uriReadings(uri: string): readonly string[] {
  const readings = new Set<string>();
  let current = uri;
  for (let round = 0; round <= MAX_ROUNDS; round += 1) {
    const before = readings.size;
    for (const reading of [current, normalised(current), folded(current)]) readings.add(reading);
    if (readings.size === before) break;
    current = decoded(current);
  }
  return [...readings];
}

/** The same without query and fragment, which many servers ignore. */
export function withoutQuery(uri: string): string {
  return uri.replace(/[?#].*$/s, '');
}

/** By the WHATWG URL standard: lower-case scheme and host, dot segments resolved. */
function normalised(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}

/** As a file system would take the path: one kind of slash, none twice, no dot segments. */
function folded(uri: string): string {
  const slashes = uri.replaceAll('\\', '/');
  const [, prefix = '', path = ''] =
    /^([a-z][a-z0-9+.-]*:(?:\/\/[^/]*)?)?(.*)$/is.exec(slashes) ?? [];
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const rooted = path.startsWith('/') ? '/' : '';
  const closed = path.endsWith('/') && kept.length > 0 ? '/' : '';
  return prefix.toLowerCase() + rooted + kept.join('/') + closed;
}

/** One round of percent-decoding; escapes that are none stay as they are. */
function decoded(uri: string): string {
  return uri.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}
