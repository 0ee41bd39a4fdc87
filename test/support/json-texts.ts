/** JSON as it may be written, for tests of what becomes of it. */
import fc from 'fast-check';
import { anyCharacter } from './any-text.ts';

const space = fc.constantFrom('', '', ' ', '\n', '\t', '\r\n', '  ');

function escaped(character: string): string {
  return character.replaceAll(/./gsu, (point) =>
    Array.from({ length: point.length }, (_, index) => {
      return `\\u${point.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}

const character = fc.oneof(
  anyCharacter.map((text) => JSON.stringify(text).slice(1, -1)),
  anyCharacter.map(escaped),
  fc.constantFrom('\\/', '\\n', '\\"', '\\u0000', 'ſ', '\\u006e\\u0061\\u006d\\u0065'),
);

/** What may stand between the quotes of a key. */
export const keyText: fc.Arbitrary<string> = fc.oneof(
  fc.array(character, { maxLength: 6 }).map((parts) => parts.join('')),
  fc.constantFrom('__proto__', 'constructor', 'name', 'Name', 'arguments', 'method', ''),
);

const stringText = fc
  .array(fc.oneof(character, fc.constantFrom('\\ud800', '\\udc00')), { maxLength: 8 })
  .map((parts) => `"${parts.join('')}"`);

const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.bigInt().map(String),
  fc.constantFrom('-0', '0.0', '1.0', '1E+3', '1e400', '-1e-400', '9007199254740993', '0.1e1'),
  fc.constant('0.1000000000000000055511151231257827'),
);

/** The text of an object without the same key twice, and of any value. */
export const { objectText, valueText } = fc.letrec<{ objectText: string; valueText: string }>(
  (tie) => ({
    objectText: fc
      .tuple(
        space,
        fc.uniqueArray(fc.tuple(keyText, space, tie('valueText'), space), {
          selector: ([key]) => JSON.parse(`"${key}"`) as string,
          maxLength: 4,
        }),
      )
      .map(([first, members]) => {
        const parts = members.map(([key, ...[one, value, two]]) => `"${key}"${one}:${value}${two}`);
        return `{${first}${parts.join(',')}}`;
      }),
    valueText: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(stringText, numberText, fc.constantFrom('true', 'false', 'null')),
      tie('objectText'),
      fc.array(tie('valueText'), { maxLength: 3 }).map((items) => `[${items.join(' , ')}]`),
    ),
  }),
);

/** The text of a value in which some object has a key twice, the second time in other words. */
export const ambiguousText: fc.Arbitrary<string> = fc
  .tuple(keyText, valueText, valueText, fc.integer({ min: 0, max: 3 }))
  .map(([key, one, two, depth]) => {
    const again = escaped(JSON.parse(`"${key}"`) as string);
    const twice = `{"${key}":${one},"${again}":${two}}`;
    return `{"in":${'['.repeat(depth)}${twice}${']'.repeat(depth)}}`;
  });
