import { notJson } from './refusals.ts';

const LETTER_A = 0x61;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_L = 0x6c;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;
const LETTER_S = 0x73;
const LETTER_T = 0x74;
const LETTER_U = 0x75;

/**
 * Index behind the `true`, `false` or `null` that begins at `at`.
 *
 * @throws FrameInvalidJson when none of them does.
 */
export function endOfWord(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === LETTER_T && follow(bytes, at, LETTER_R, LETTER_U, LETTER_E)) return at + 4;
  if (first === LETTER_N && follow(bytes, at, LETTER_U, LETTER_L, LETTER_L)) return at + 4;
  if (first === LETTER_F && follow(bytes, at + 1, LETTER_L, LETTER_S, LETTER_E)) {
    if (bytes[at + 1] === LETTER_A) return at + 5;
  }
  throw notJson(at);
}

/** Whether these three come behind the byte at `at`. */
function follow(bytes: Buffer, at: number, one: number, two: number, three: number): boolean {
  return bytes[at + 1] === one && bytes[at + 2] === two && bytes[at + 3] === three;
}
