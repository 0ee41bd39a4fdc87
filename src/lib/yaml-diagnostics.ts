import { MAX_LINE, maskLine } from './yaml-secrets.ts';

/** One thing that is wrong in a configuration file, and where. */
export interface Diagnostic {
  /** The file as it was named to the reader. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based, in UTF-16 units. */
  readonly column: number;
  /** The setting, `listeners[0].tls.profile`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, one sentence without a full stop. */
  readonly message: string;
  /** The offending value, cut short, masked where it may be a secret. */
  readonly value?: string;
  /** What would be right instead, where that is a list. */
  readonly allowed?: readonly string[];
  /** The right key or value that is nearest to the wrong one. */
  readonly suggestion?: string;
}

/** Further allowed values are counted, not listed. */
const MAX_ALLOWED_SHOWN = 12;
/** A longer source line is cut around the column. */
const MAX_SOURCE_WIDTH = 100;

/**
 * The diagnostics for a person at a terminal: position, message, the source line with a caret, what
 * is allowed, and the nearest correct spelling. Secrets in the source lines are masked and control
 * characters replaced.
 *
 * @param text The text that was read, for the source lines.
 */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], text: string): string {
  const lines = text.split(/\r?\n/);
  return diagnostics
    .map((diagnostic) => [headOf(diagnostic), ...excerpt(diagnostic, lines), ...help(diagnostic)])
    .map((block) => block.map(printable).join('\n'))
    .join('\n\n');
}

/** The path of a setting as people write it: `servers.files.stdio.args[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[\w-]+$/.test(String(key))) text += `${text === '' ? '' : '.'}${String(key)}`;
    else text += `[${JSON.stringify(String(key).slice(0, 64))}]`;
  }
  return text;
}

/** File order, so that people can walk through the file once. */
export function byPosition(a: Diagnostic, b: Diagnostic): number {
  return a.line - b.line || a.column - b.column;
}

function headOf(diagnostic: Diagnostic): string {
  const { file, line, column, path, message, value } = diagnostic;
  const subject = path === '' ? '' : `${path}: `;
  const offending = value === undefined ? '' : `: "${value}"`;
  return `${file}:${line}:${column}: ${subject}${message}${offending}`;
}

/** The source line and a caret below the column; nothing for a line that the text does not have. */
function excerpt(diagnostic: Diagnostic, lines: readonly string[]): readonly string[] {
  if (lines[diagnostic.line - 1] === undefined || diagnostic.column > MAX_LINE) return [];
  const source = maskLine(lines, diagnostic.line - 1);
  // A column inside a masked part moves to its start.
  const column = Math.min(diagnostic.column, source.length + 1);
  const start = Math.max(0, column - MAX_SOURCE_WIDTH / 2);
  const shown = source.slice(start, start + MAX_SOURCE_WIDTH);
  // Tabs stay tabs, so that the caret keeps its place.
  const indent = shown.slice(0, column - 1 - start).replaceAll(/[^\t]/g, ' ');
  const gutter = String(diagnostic.line).padStart(5);
  return [`${gutter} | ${shown}`, `${' '.repeat(gutter.length)} | ${indent}^`];
}

function help(diagnostic: Diagnostic): readonly string[] {
  const lines: string[] = [];
  if (diagnostic.suggestion !== undefined) {
    lines.push(`        did you mean "${diagnostic.suggestion}"?`);
  }
  if (diagnostic.allowed !== undefined && diagnostic.allowed.length > 0) {
    const shown = diagnostic.allowed.slice(0, MAX_ALLOWED_SHOWN);
    const rest = diagnostic.allowed.length - shown.length;
    lines.push(`        allowed: ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`);
  }
  return lines;
}

/** Without control and direction characters, which could rewrite what the terminal shows. */
function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\t' ? character : '�',
  );
}
