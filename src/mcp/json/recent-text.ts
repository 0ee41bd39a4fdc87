/**
 * Short texts of messages before, each at the place that a few of its bytes say: methods, names of
 * tools and revisions come again and again, and making a string of bytes takes longer than finding it
 * here. Two at one place take turns, which costs no more than making them.
 */
const PLACES = 256;
const RECENT: string[] = Array.from({ length: PLACES }, () => '');
const LONGEST = 64;

const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;

/** What a part of a text says; `null` when it is long, or more than ASCII without escapes. */
export function recentText(bytes: Buffer, start: number, end: number): string | null {
  if (end - start > LONGEST) return null;
  const place = placeOf(bytes, start, end);
  const recent = RECENT[place] as string;
  if (isText(recent, bytes, start, end)) return recent;
  if (!isPlainAscii(bytes, start, end)) return null;
  const text = bytes.toString('latin1', start, end);
  RECENT[place] = text;
  return text;
}

/** Names that are alike mostly differ at their ends. */
function placeOf(bytes: Buffer, start: number, end: number): number {
  if (start === end) return 0;
  const middle = bytes[(start + end) >> 1] as number;
  const last = bytes[end - 1] as number;
  const beforeLast = bytes[end - 2] as number;
  return ((end - start) * 7 + middle * 31 + beforeLast * 17 + last * 3) % PLACES;
}

function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

function isPlainAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] as number;
    if (byte > LAST_ASCII || byte === BACKSLASH) return false;
  }
  return true;
}
