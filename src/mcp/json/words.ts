import { notJson } from './refusals.ts';

const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/**
 * Index behind the `true`, `false` or `null` that begins at `at`.
 *
 * @throws FrameInvalidJson when none of them does.
 */
export function endOfWord(bytes: Buffer, at: number): number {
  const first = bytes[at];
  const word = first === LETTER_N ? NULL : first === LETTER_F ? FALSE : TRUE;
  for (let index = 0; index < word.length; index += 1) {
    if (bytes[at + index] !== word[index]) throw notJson(at);
  }
  return at + word.length;
}
