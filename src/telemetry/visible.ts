/**
 * Control characters, format characters (bidirectional overrides, zero-width, tags), line and
 * paragraph separators, lone surrogates: what a terminal obeys or a reader does not see.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with everything unseen spelled out, so that it stays one line and moves no cursor. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return NAMED[character] ?? `\\u{${code.toString(16)}}`;
  });
}

/** The same for a line of JSON, which afterwards says what it said before. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) => {
    const units = Array.from({ length: character.length }, (_, index) =>
      character.charCodeAt(index).toString(16).padStart(4, '0'),
    );
    return `\\u${units.join('\\u')}`;
  });
}
