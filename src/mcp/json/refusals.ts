import { formatBytes } from '#lib';
import {
  FrameAmbiguous,
  FrameInvalidJson,
  FrameTokenTooLong,
  FrameTooDeep,
  FrameTooLarge,
  FrameTooManyKeys,
} from '../errors.ts';

/** The bytes from `at` on go on as no JSON does. */
export function notJson(at: number): Error {
  return new FrameInvalidJson('message is not well-formed JSON', { details: { at } });
}

export function notUtf8(): Error {
  return new FrameInvalidJson('message is not valid UTF-8');
}

export function tooLarge(bytes: number, maxBytes: number): Error {
  return new FrameTooLarge(`message of ${formatBytes(bytes)} exceeds ${formatBytes(maxBytes)}`, {
    details: { bytes, max_bytes: maxBytes },
  });
}

export function tooManyKeys(maxKeys: number): Error {
  return new FrameTooManyKeys(`message has more than ${maxKeys} keys`, {
    details: { max_keys: maxKeys },
  });
}

export function tooDeep(maxDepth: number): Error {
  return new FrameTooDeep(`message nests deeper than ${maxDepth}`, {
    details: { max_depth: maxDepth },
  });
}

/** @param what `key` or `number`. */
export function tokenTooLong(what: string, maxBytes: number): Error {
  return new FrameTokenTooLong(`message has a ${what} longer than ${maxBytes} bytes`, {
    details: { max_bytes: maxBytes },
  });
}

export function keyTwice(): Error {
  return new FrameAmbiguous('message has the same key twice in one object');
}

/** @param key begins with what another parser would take for a key of the protocol. */
export function otherSpelling(key: string): Error {
  return new FrameAmbiguous('message has a protocol key in another spelling', {
    details: { key: key.slice(0, 64) },
  });
}

/** Half a surrogate pair, or a NUL, in what has to mean the same to everybody. */
export function unclearText(): Error {
  return new FrameAmbiguous('a key or a name has half a surrogate pair or a NUL in it');
}
