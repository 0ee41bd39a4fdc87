/*
 * The keys of the objects that are open at one place of a text, to find one that occurs twice. Where
 * they stand is kept, not what they say. Scanning is synchronous and never within another, so one
 * stack does for all; it is of this module and not of an object because that takes half the time.
 */
import { keyTwice, unclearText } from './refusals.ts';
import { stringIn } from './text.ts';

/**
 * So many keys of one object are compared with each other in place; more, or escaped ones, as strings
 * in a set, which no choice of keys makes slow.
 */
const FEW = 16;

const ROOM = 4096;

/**
 * For each open object a number whose bits tell the kinds of keys that it has, then start and end of
 * each of its keys. Keys that find no room go into sets.
 */
const STACK = new Int32Array(ROOM);
/** By the number of the object. */
const CROWDS = new Map<number, Set<string>>();
let top = 0;
/** Whether there may be any. */
let crowded = false;

/** Forgets all that a text has left, which need not have ended well. */
export function forgetKeys(): void {
  top = 0;
  if (crowded) CROWDS.clear();
  crowded = false;
}

/** Begins an object; the number names it until it is closed. */
export function openObject(): number {
  const object = top;
  STACK[object] = 0;
  top = object + 1;
  return object;
}

/** Ends the object that was opened last. */
export function closeObject(object: number): void {
  top = object;
  if (!crowded) return;
  CROWDS.delete(object);
  crowded = CROWDS.size > 0;
}

/**
 * Adds a key without escapes to the object that was opened last.
 *
 * @throws FrameAmbiguous when the object has it already.
 */
export function addKey(object: number, bytes: Buffer, start: number, end: number): void {
  const at = top;
  const isCrowd = at - object > 2 * FEW || at + 2 > ROOM;
  if (isCrowd || (crowded && CROWDS.has(object))) {
    addToCrowd(object, bytes, stringIn(bytes, start, end));
    return;
  }
  const kind = kindOf(bytes, start, end);
  const kinds = STACK[object] as number;
  // Most objects have few keys, each of another kind.
  if ((kinds & kind) !== 0) refuseSame(object, bytes, start, end - start);
  STACK[object] = kinds | kind;
  STACK[at] = start;
  STACK[at + 1] = end;
  top = at + 2;
}

/**
 * Adds a key with escapes to the object that was opened last.
 *
 * @param text what it says.
 * @throws FrameAmbiguous also when a parser might not read it as it is written.
 */
export function addEscapedKey(object: number, bytes: Buffer, text: string): void {
  if (!text.isWellFormed()) throw unclearText();
  addToCrowd(object, bytes, text);
}

function addToCrowd(object: number, bytes: Buffer, text: string): void {
  const crowd = CROWDS.get(object) ?? newCrowd(object, bytes);
  const { size } = crowd;
  crowd.add(text);
  if (crowd.size === size) throw keyTwice();
}

function newCrowd(object: number, bytes: Buffer): Set<string> {
  const crowd = new Set<string>();
  for (let index = object + 1; index < top; index += 2) {
    crowd.add(stringIn(bytes, STACK[index] as number, STACK[index + 1] as number));
  }
  CROWDS.set(object, crowd);
  crowded = true;
  return crowd;
}

/** One of 32 bits, for keys that are equal the same one. */
function kindOf(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  return 1 << (((end - start) * 5) ^ (first * 3) ^ last);
}

function refuseSame(object: number, bytes: Buffer, start: number, length: number): void {
  for (let index = object + 1; index < top; index += 2) {
    const other = STACK[index] as number;
    if ((STACK[index + 1] as number) - other !== length) continue;
    if (isSame(bytes, other, start, length)) throw keyTwice();
  }
}

function isSame(bytes: Buffer, one: number, other: number, length: number): boolean {
  for (let index = 0; index < length; index += 1) {
    if (bytes[one + index] !== bytes[other + index]) return false;
  }
  return true;
}
