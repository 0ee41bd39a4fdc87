/*
 * The keys of the objects that are open at one place of a text, to find one that occurs twice. Where
 * they stand is kept, not what they say. Scanning is synchronous and never within another, so one
 * stack does for all; it is of this module and not of an object because that takes half the time, and
 * its top is handed on because that takes less than keeping it here.
 */
import { DEEPEST } from './limits.ts';
import { keyTwice, unclearText } from './refusals.ts';
import { stringIn } from './text.ts';

/**
 * So many keys of one object are compared with each other in place; more, or escaped ones, as strings
 * in a set, which no choice of keys makes slow.
 */
const FEW = 16;

/**
 * For each open object a number whose bits tell the kinds of keys that it has, then start and end of
 * each of its keys. An object is named by the index of that number.
 */
const STACK = new Int32Array(DEEPEST * (1 + 2 * FEW));
/** Instead of the kinds of an object whose keys are in a set. */
const CROWD = -1;
const CROWDS = new Map<number, Set<string>>();

/** Forgets all that a text has left which did not end well. */
export function forgetKeys(): void {
  CROWDS.clear();
}

/** Begins an object at the top of the stack; returns the new top. */
export function openObject(top: number): number {
  STACK[top] = 0;
  return top + 1;
}

/** Ends the object that was opened last. */
export function closeObject(object: number): void {
  if (STACK[object] === CROWD) CROWDS.delete(object);
}

/**
 * Adds a key without escapes to the object that was opened last; returns the new top.
 *
 * @throws FrameAmbiguous when the object has it already.
 */
export function addKey(
  object: number,
  top: number,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const kind = kindOf(bytes, start, end);
  const kinds = STACK[object] as number;
  const isFull = top - object > 2 * FEW;
  // Most objects have few keys, each of another kind.
  if (isFull || (kinds & kind) !== 0) {
    if (isFull || kinds === CROWD) {
      addToCrowd(object, top, bytes, stringIn(bytes, start, end));
      return top;
    }
    refuseSame(object, top, bytes, start, end - start);
  }
  STACK[object] = kinds | kind;
  STACK[top] = start;
  STACK[top + 1] = end;
  return top + 2;
}

/**
 * Adds a key with escapes to the object that was opened last.
 *
 * @param text what it says.
 * @throws FrameAmbiguous also when a parser might not read it as it is written.
 */
export function addEscapedKey(object: number, top: number, bytes: Buffer, text: string): void {
  if (!text.isWellFormed()) throw unclearText();
  addToCrowd(object, top, bytes, text);
}

function addToCrowd(object: number, top: number, bytes: Buffer, text: string): void {
  const crowd = CROWDS.get(object) ?? newCrowd(object, top, bytes);
  const { size } = crowd;
  crowd.add(text);
  if (crowd.size === size) throw keyTwice();
}

function newCrowd(object: number, top: number, bytes: Buffer): Set<string> {
  const crowd = new Set<string>();
  for (let index = object + 1; index < top; index += 2) {
    crowd.add(stringIn(bytes, STACK[index] as number, STACK[index + 1] as number));
  }
  STACK[object] = CROWD;
  CROWDS.set(object, crowd);
  return crowd;
}

/** One of 32 bits, for keys that are equal the same one. */
function kindOf(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] as number;
  const last = bytes[end - 1] as number;
  return 1 << (((end - start) * 5) ^ (first * 3) ^ last);
}

function refuseSame(
  object: number,
  top: number,
  bytes: Buffer,
  start: number,
  length: number,
): void {
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
