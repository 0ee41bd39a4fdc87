/** What a string without escapes says. */
export function stringIn(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

/** The value that a scanned part of a text says. */
export function valueIn(bytes: Buffer, start: number, end: number): unknown {
  const text = stringIn(bytes, start, end);
  // A third of what JSON.parse takes for a name.
  if (text.startsWith('"') && !text.includes('\\')) return text.slice(1, -1);
  return JSON.parse(text) as unknown;
}
