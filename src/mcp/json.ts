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
export function jsonLimitsOf(limits: Limits, maxBytes: number): JsonLimits {
  return { maxBytes, maxDepth: limits.maxJsonDepth, maxKeys: limits.maxJsonKeys };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/**
 * Reads one JSON text that every parser reads alike: UTF-8 without a byte order mark, within the
 * limits, no key twice in one object.
 *
 * A duplicate key is the classic way past a gateway: one parser takes the first value, the next
 * takes the last.
 *
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep or FrameAmbiguous.
 */
export function readJson(bytes: Buffer, limits: JsonLimits): unknown {
  if (bytes.length > limits.maxBytes) {
    throw new FrameTooLarge(
      `message of ${formatBytes(bytes.length)} exceeds ${formatBytes(limits.maxBytes)}`,
      { details: { bytes: bytes.length, max_bytes: limits.maxBytes } },
    );
  }
  if (!isUtf8(bytes)) throw new FrameInvalidJson('message is not valid UTF-8');
  checkStructure(bytes, limits);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw new FrameInvalidJson('message is not well-formed JSON', { cause });
  }
}

/**
 * Bounds the depth and finds duplicate keys in one pass over the bytes. The grammar itself is left to
 * JSON.parse, so on malformed text this may miss anything but must stay within bounds.
 */
function checkStructure(bytes: Buffer, { maxDepth, maxKeys }: JsonLimits): void {
  // One entry per open container: the keys seen so far in an object, null for an array.
  const open: (Set<string> | null)[] = [];
  let keyCount = 0;
  let index = 0;
  while (index < bytes.length) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      const end = endOfString(bytes, index);
      const keys = open.at(-1);
      if (keys && isKey(bytes, end)) {
        keyCount += 1;
        if (keyCount > maxKeys) throw tooManyKeys(maxKeys);
        addKey(keys, bytes.subarray(index, end));
      }
      index = end;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      open.push(byte === OPEN_OBJECT ? new Set() : null);
      if (open.length > maxDepth) throw tooDeep(maxDepth);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      open.pop();
    }
    index += 1;
  }
}

/** Index just past the closing quote; past the end of the bytes when the string never closes. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, index);
    if (quote === -1) return bytes.length;
    let backslashes = 0;
    while (bytes[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    index = quote + 1;
  }
}

/** A string is a key when a colon follows it. */
function isKey(bytes: Buffer, end: number): boolean {
  let index = end;
  while (isWhitespace(bytes[index])) index += 1;
  return bytes[index] === COLON;
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function addKey(keys: Set<string>, quoted: Buffer): void {
  const key = decodeKey(quoted);
  if (keys.has(key)) {
    throw new FrameAmbiguous('message has the same key twice in one object', {
      details: { key: key.slice(0, 64) },
    });
  }
  keys.add(key);
}

function decodeKey(quoted: Buffer): string {
  if (!quoted.includes(BACKSLASH)) return quoted.toString('utf8', 1, quoted.length - 1);
  try {
    return JSON.parse(quoted.toString('utf8')) as string;
  } catch (cause) {
    throw new FrameInvalidJson('message has a malformed key', { cause });
  }
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
