import {
  FrameAmbiguous,
  FrameInvalidJson,
  FrameTooDeep,
  FrameTooLarge,
  FrameTooManyKeys,
} from './errors.ts';
import type { Limits } from '#lib';
import { formatBytes } from '#lib';
import { isUtf8 } from 'node:buffer';

/** Bounds of one message. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Keys of all objects together. */
  readonly maxKeys: number;
}

/** The bounds in force for messages of one direction. */
export function jsonLimitsOf(
  limits: Pick<Limits, 'maxJsonDepth' | 'maxJsonKeys'>,
  maxBytes: number,
): JsonLimits {
  return { maxBytes, maxDepth: limits.maxJsonDepth, maxKeys: limits.maxJsonKeys };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/**
 * Reads one JSON text that every parser reads alike: UTF-8 without a byte order mark, within the
 * limits, no key twice in one object.
 *
 * A duplicate key is the classic way past a gateway: one parser takes the first value, the next
 * takes the last. JSON.parse takes the last and drops the others, so the text then has more keys
 * than the value.
 *
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameTooManyKeys or FrameAmbiguous.
 */
export function readJson(bytes: Buffer, limits: JsonLimits): unknown {
  if (bytes.length > limits.maxBytes) throw tooLarge(bytes.length, limits.maxBytes);
  if (!isUtf8(bytes)) throw new FrameInvalidJson('message is not valid UTF-8');
  const text = bytes.toString('utf8');
  const written = countWrittenKeys(text, limits);
  const value = parse(text);
  if (countKeys(value) !== written) {
    throw new FrameAmbiguous('message has the same key twice in one object');
  }
  return value;
}

/** The texts of the elements of an array, from a text that {@link readJson} has taken. */
export function elementTexts(array: string): readonly string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = array.indexOf('[') + 1;
  for (let index = start; index < array.length; index += 1) {
    switch (array.charCodeAt(index)) {
      case QUOTE:
        index = closingQuote(array, index);
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        depth += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        depth -= 1;
        if (depth >= 0) break;
        texts.push(array.slice(start, index).trim());
        break;
      case COMMA:
        if (depth > 0) break;
        texts.push(array.slice(start, index).trim());
        start = index + 1;
    }
  }
  return texts[0] === '' ? [] : texts;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FrameInvalidJson('message is not well-formed JSON', { cause });
  }
}

/**
 * The keys in a text, bounded together with its depth before anything is built from it: in
 * well-formed JSON each colon outside a string ends a key. The grammar itself is left to JSON.parse,
 * so on a malformed text this may count anything but must stay within bounds.
 */
function countWrittenKeys(text: string, { maxDepth, maxKeys }: JsonLimits): number {
  let depth = 0;
  let keys = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = closingQuote(text, index);
        break;
      case COLON:
        keys += 1;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        depth += 1;
        if (depth > maxDepth) throw tooDeep(maxDepth);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        depth -= 1;
    }
  }
  if (keys > maxKeys) throw tooManyKeys(maxKeys);
  return keys;
}

/** Index of the quote that closes the string; the end of the text when none does. */
function closingQuote(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}

/** The keys of all objects in a parsed value; its depth is bounded already. */
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

function tooLarge(bytes: number, maxBytes: number): Error {
  return new FrameTooLarge(`message of ${formatBytes(bytes)} exceeds ${formatBytes(maxBytes)}`, {
    details: { bytes, max_bytes: maxBytes },
  });
}

function tooManyKeys(maxKeys: number): Error {
  return new FrameTooManyKeys(`message has more than ${maxKeys} keys`, {
    details: { max_keys: maxKeys },
  });
}

function tooDeep(maxDepth: number): Error {
  return new FrameTooDeep(`message nests deeper than ${maxDepth}`, {
    details: { max_depth: maxDepth },
  });
}
