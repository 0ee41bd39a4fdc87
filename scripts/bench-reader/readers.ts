/** Ways to read a message, to compare. */
import { isUtf8 } from 'node:buffer';
import type { Frame } from '#mcp';
import { accessesOf, jsonLimitsOf, readFrame, resultEntryOf } from '#mcp';
import { DEFAULT_LIMITS } from '#lib';

const LIMITS = jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxMessageBytes);

/** Each reads a message so far that a gateway could decide and record the call. */
export const READERS = {
  /** Postern's. */
  postern: (bytes: Buffer) => decisive(readFrame(bytes, LIMITS)),
  /** JSON.parse, which sees neither duplicate keys nor depth. */
  parse: (bytes: Buffer) => JSON.parse(bytes.toString('utf8')) as unknown,
  /** JSON.parse and what has to be checked around it. */
  checked: checkedParse,
  /** Strings and brackets alone: about the least that any reader in JavaScript does. */
  shallow: shallowScan,
} as const;

function decisive(frame: Frame): unknown {
  return frame.kind === 'response' ? resultEntryOf(frame, 'isError') : accessesOf(frame);
}

/**
 * JSON.parse takes the last of several equal keys and drops the others, so the text has more keys than
 * the value.
 */
function checkedParse(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error('not UTF-8');
  const text = bytes.toString('utf8');
  const written = countWrittenKeys(text);
  const value = JSON.parse(text) as unknown;
  if (countKeys(value) !== written) throw new Error('a key occurs twice');
  refuseVariants(value);
  const params = (value as Record<string, unknown>)['params'] as
    Record<string, unknown> | undefined;
  if (params !== undefined) {
    refuseVariants(params);
    refuseVariants(params['_meta']);
  }
  return value;
}

/** As many keys as Postern knows. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    'jsonrpc id method params result error name arguments uri ref _meta taskId requestId ' +
    'progressToken io.modelcontextprotocol/protocolVersion'
  ).split(' '),
);

function refuseVariants(value: unknown): void {
  for (const key of Object.keys(value as object)) {
    if (!KNOWN.has(key) && KNOWN.has(key.normalize('NFKC').toUpperCase().toLowerCase())) {
      throw new Error('a key in another spelling');
    }
  }
}

function countWrittenKeys(text: string): number {
  let depth = 0;
  let keys = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (character === 0x22) {
      index = text.indexOf('"', index + 1);
      while (isEscaped(text, index)) index = text.indexOf('"', index + 1);
    } else if (character === 0x3a) keys += 1;
    else if (character === 0x7b || character === 0x5b) depth += 1;
    else if (character === 0x7d || character === 0x5d) depth -= 1;
    if (depth > LIMITS.maxDepth) throw new Error('too deep');
  }
  return keys;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key]);
  return count;
}

function shallowScan(bytes: Buffer): number {
  let keys = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === 0x3a) keys += 1;
    if (byte !== 0x22) continue;
    index += 1;
    while (bytes[index] !== 0x22) index += bytes[index] === 0x5c ? 2 : 1;
  }
  return keys;
}
