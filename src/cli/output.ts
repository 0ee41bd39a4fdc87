import { PosternError, toPosternError } from '#lib';
import { exitCodeOf } from './exit-codes.ts';

/** Writes to standard output; a reader that has gone is no failure. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes one JSON object, as `--json` promises. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Tells a failure on standard error (as JSON with `--json`) and gives its exit code. */
export function reportFailure(thrown: unknown, json: boolean): number {
  const error = toPosternError(thrown);
  if (!(thrown instanceof PosternError) && thrown instanceof Error) {
    process.stderr.write(`${thrown.stack}\n`);
  }
  if (json) {
    printJson({
      error: { code: error.code, message: error.message, hint: error.hint, ...error.details },
    });
  } else {
    process.stderr.write(`${style('red', 'error')} ${error.message}\n`);
    process.stderr.write(`      ${error.hint}\n      ${style('dim', error.code)}\n`);
  }
  return exitCodeOf(error.code);
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Text in a terminal style; plain when standard output is no terminal or NO_COLOR is set. */
export function style(name: keyof typeof STYLES, text: string): string {
  if (!process.stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '') return text;
  return `\u001b[${STYLES[name]}m${text}\u001b[0m`;
}

/** Rows in aligned columns, two blanks apart. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell));
    }
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const last = column === row.length - 1;
        return last ? cell : cell + ' '.repeat((widths[column] ?? 0) - visibleLength(cell) + 2);
      });
      return (indent + cells.join('')).trimEnd();
    })
    .join('\n');
}

function visibleLength(text: string): number {
  // oxlint-disable-next-line no-control-regex -- terminal styles are control sequences
  return text.replaceAll(/\u001b\[\d+m/g, '').length;
}
