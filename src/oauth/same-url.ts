/** Anything else is no URI (RFC 3986 §2), and a URL parser might drop or turn it round. */
const URI = /^[!#-;=?-[\]_a-z~]{1,2048}$/;
const ESCAPES = /%[0-9A-Fa-f]{2}/g;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * Whether `htu` of a proof names this URL: without query and fragment, after normalisation by syntax and
 * by scheme (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3).
 *
 * @param url normal itself, without query and fragment.
 */
export function isSameUrl(htu: string, url: string): boolean {
  if (htu === url) return true;
  const named = normal(htu);
  return named !== null && named === normal(url);
}

function normal(text: string): string | null {
  const url = URI.test(text) ? URL.parse(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  if (url.username !== '' || url.password !== '') return null;
  return url.origin + url.pathname.replace(ESCAPES, plain);
}

/** What needs no escape is compared without, what needs one with upper-case digits. */
function plain(escape: string): string {
  const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return UNRESERVED.test(character) ? character : escape.toUpperCase();
}
