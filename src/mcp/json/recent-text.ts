/**
 * Short texts of messages before, each at the place that its hash says: methods, names of tools and
 * revisions come again and again, and making a string of bytes takes longer than finding it here.
 */
const PLACES = 256;
const RECENT: string[] = Array.from({ length: PLACES }, () => '');
const LONGEST = 64;

const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;

/** What a part of a text says; `null` when it is long, or more than ASCII without escapes. */
export function recentText(bytes: Buffer, start: number, end: number): string | null {
  if (end - start > LONGEST) return null;
  let hash = 0;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] as number;
    if (byte > LAST_ASCII || byte === BACKSLASH) return null;
    hash = (hash * 31 + byte) | 0;
  }
  const place = hash & (PLACES - 1);
  const recent = RECENT[place] as string;
  if (isText(recent, bytes, start, end)) return recent;
  const text = bytes.toString('latin1', start, end);
  RECENT[place] = text;
  return text;
}

function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
