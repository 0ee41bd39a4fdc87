import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { formatBytes } from './bytes.ts';
import type { Located, YamlProblem } from './yaml-value.ts';
import { toPlain } from './yaml-value.ts';

/** Largest configuration file, in bytes. */
export const MAX_YAML_BYTES = 1024 * 1024;
/** Lexical tokens of one file, some 14,000 lines; keeps hostile text to about a second. */
const MAX_TOKENS = 100_000;
/** Further mistakes in the syntax are dropped. */
const MAX_PROBLEMS = 100;

/** A text read as YAML, right or wrong. */
export interface ParsedYaml {
  readonly value: unknown;
  readonly located: Located;
  /** What is wrong with the text itself. */
  readonly problems: readonly YamlProblem[];
  /** Whether the value is all there, so that it makes sense to look for more mistakes in it. */
  readonly complete: boolean;
  /** One-based line and column of an offset. */
  readonly positionAt: (offset: number) => { readonly line: number; readonly column: number };
}

const NOWHERE: Located = { offset: 0, keyOffset: null, children: new Map() };

/** Characters that YAML 1.2 §5.1 does not print, byte order mark aside. */
const UNPRINTABLE = /(?![\t\n\r\u0085])[\p{Cc}\p{Cs}\ufffe\uffff]/u;

/** What the parser's own messages leave unclear. */
const MESSAGES: Readonly<Partial<Record<Yaml.ErrorCode, string>>> = {
  BLOCK_AS_IMPLICIT_KEY: 'a value that contains ": " must be in quotes, or start on its own line',
  MULTIPLE_DOCS: 'only one document is allowed in a file',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'nests too deeply',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags are not allowed',
};

/**
 * Parses one YAML 1.2 document of the core schema, within bounds: no directives, no custom tags, no
 * merge keys, no key twice. Never throws.
 */
export function parseYaml(text: string): ParsedYaml {
  const refused = refusal(text);
  if (refused !== null) return failed(text, [refused]);
  const yaml = loadYaml();
  if (tooManyTokens(yaml, text)) {
    return failed(text, [{ offset: 0, message: `has more than ${MAX_TOKENS} tokens` }]);
  }
  const document = yaml.parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The parser compares each key with each other; the conversion does it in one pass.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const problems = syntaxProblems([...document.errors, ...document.warnings]);
  if (problems.length > 0) return failed(text, problems);
  const root = document.contents;
  if (root === null || (yaml.isScalar(root) && root.value === null)) {
    return failed(text, [{ offset: 0, message: 'the file is empty' }]);
  }
  const plain = toPlain(yaml, root);
  return { ...plain, complete: plain.value !== undefined, positionAt: positions(text) };
}

/** Loaded at first use: most commands read no YAML at all. */
function loadYaml(): typeof Yaml {
  return createRequire(import.meta.url)('yaml') as typeof Yaml;
}

/** What speaks against parsing the text at all. */
function refusal(text: string): YamlProblem | null {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_YAML_BYTES) {
    const message = `the file has ${formatBytes(bytes)}; the most is ${formatBytes(MAX_YAML_BYTES)}`;
    return { offset: 0, message };
  }
  const unprintable = UNPRINTABLE.exec(text);
  if (unprintable !== null) {
    const code = (unprintable[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return { offset: unprintable.index, message: `the character U+${code} is not allowed` };
  }
  // A directive could switch to YAML 1.1, where `off` is a boolean and `<<` merges.
  const directive = /^(?:\ufeff)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*%/.exec(text);
  if (directive === null) return null;
  return { offset: directive[0].length - 1, message: 'directives are not allowed' };
}

function tooManyTokens(yaml: typeof Yaml, text: string): boolean {
  let count = 0;
  for (const token of new yaml.Lexer().lex(text)) {
    // Each escape sequence can be a mistake of its own.
    count += token.startsWith('"') ? token.split('\\').length : 1;
    if (count > MAX_TOKENS) return true;
  }
  return false;
}

/** One problem per place; the parser often reports the same one several times. */
function syntaxProblems(errors: readonly Yaml.YAMLError[]): readonly YamlProblem[] {
  const exhausted = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  const byOffset = new Map<number, YamlProblem>();
  for (const error of exhausted === undefined ? errors : [exhausted]) {
    const offset = error.pos[0];
    const message = MESSAGES[error.code] ?? tidy(error.message);
    if (!byOffset.has(offset)) byOffset.set(offset, { offset, message });
    if (byOffset.size >= MAX_PROBLEMS) break;
  }
  return [...byOffset.values()];
}

function failed(text: string, problems: readonly YamlProblem[]): ParsedYaml {
  return {
    value: undefined,
    located: NOWHERE,
    problems,
    complete: false,
    positionAt: positions(text),
  };
}

function positions(text: string): ParsedYaml['positionAt'] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    // Binary search for the last line that starts at or before the offset.
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** A message of the parser in the style of ours. */
function tidy(message: string): string {
  const text = message.replace(/closing (["'])quote/, 'closing $1');
  return text.charAt(0).toLowerCase() + text.slice(1);
}
