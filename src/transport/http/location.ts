const MAX_SHOWN_CHARS = 200;

/** Where a redirect points, for people: without what may be secret, such as a query. */
export function shownLocation(to: URL | null): string {
  if (to === null) return 'to nowhere';
  const { protocol, host, pathname } = to;
  const shown = `to ${protocol}//${host}${pathname}`;
  return shown.length > MAX_SHOWN_CHARS ? `${shown.slice(0, MAX_SHOWN_CHARS)}…` : shown;
}
