/** One token of TypeScript source; white space is left out. */
export interface Token {
  readonly kind: 'comment' | 'string' | 'template' | 'regexp' | 'word' | 'number' | 'mark';
  /** As it stands in the source. */
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

const GRAMMAR = {
  space: String.raw`\s+`,
  comment: String.raw`\/\/[^\n]*|\/\*[^]*?\*\/`,
  string: String.raw`'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"`,
  regexp: String.raw`\/(?:[^\/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*`,
  word: String.raw`[\p{ID_Start}$_#@][\p{ID_Continue}$]*`,
  number: String.raw`\d[\w.]*`,
  mark: '[^]',
} as const;

const KINDS = Object.keys(GRAMMAR) as (keyof typeof GRAMMAR)[];
const WITH_REGEXP = oneOf(Object.entries(GRAMMAR));
const WITHOUT_REGEXP = oneOf(Object.entries(GRAMMAR).filter(([kind]) => kind !== 'regexp'));
/** From a back quote or a closing brace to the end of the template or its next substitution. */
const TEMPLATE_PART = /[`}](?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;

/** Words after which a slash starts a regular expression and is no division. */
const BEFORE_REGEXP = new Set(
  'return typeof case in of delete void instanceof new throw await yield else do'.split(' '),
);

/**
 * Splits TypeScript into tokens, well enough to find imports and comments without taking the inside
 * of a string for either. A slash after a closing bracket is read as a division.
 *
 * @throws Error where a string, template or comment does not end.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  // One for each open brace; true for those that return to a template when they close.
  const braces: boolean[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const inTemplate = text[at] === '`' || (text[at] === '}' && braces.pop() === true);
    const pattern = inTemplate
      ? TEMPLATE_PART
      : startsRegExp(tokens)
        ? WITH_REGEXP
        : WITHOUT_REGEXP;
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const found = match?.[0] ?? '';
    if (match === null || /^['"]$/.test(found) || text.startsWith('/*', at + found.length - 1)) {
      throw new Error(`line ${line}: a string, template or comment does not end`);
    }
    if (inTemplate && found.endsWith('${')) braces.push(true);
    else if (found === '{') braces.push(false);
    const kind = inTemplate ? 'template' : kindOf(match);
    if (kind !== 'space') tokens.push({ kind, text: found, line });
    line += found.split('\n').length - 1;
    at += found.length;
  }
  return tokens;
}

function startsRegExp(tokens: readonly Token[]): boolean {
  const previous = tokens.findLast((token) => token.kind !== 'comment');
  if (previous === undefined) return true;
  if (previous.kind === 'mark') return !')]}'.includes(previous.text);
  return previous.kind === 'word' && BEFORE_REGEXP.has(previous.text);
}

function oneOf(rules: readonly (readonly [string, string])[]): RegExp {
  return new RegExp(rules.map(([kind, source]) => `(?<${kind}>${source})`).join('|'), 'uy');
}

function kindOf({ groups = {} }: RegExpExecArray): keyof typeof GRAMMAR {
  for (const kind of KINDS) if (groups[kind] !== undefined) return kind;
  throw new Error('every character is of some kind');
}
