/**
 * A reporter for Node's test runner: one line for each file, each failure in full, and the runner's
 * own closing lines. What a file printed is shown only when the file failed.
 */
import { basename, relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

type Of<T extends TestEvent['type']> = Extract<TestEvent, { type: T }>['data'];

/** Of a failing file's output, this much of the end is shown. */
const OUTPUT_TAIL = 32 * 1024;

/** Turns the runner's events into lines. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const output = new Map<string, string>();
  const parents = new Map<string, { name: string; parent: string | null }>();
  for await (const event of events) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') keep(output, event.data);
    else if (event.type === 'test:start') remember(parents, event.data);
    else if (event.type === 'test:fail') yield failure(event.data, parents, output);
    else if (event.type === 'test:summary') yield fileLine(event.data, output);
    // The closing lines, "tests 12", "pass 12" and so on, belong to no file.
    else if (event.type === 'test:diagnostic' && event.data.file === undefined) {
      yield `${unfinished(output)}ℹ ${event.data.message}\n`;
    }
  }
}

function keep(output: Map<string, string>, data: Of<'test:stdout'>): void {
  const file = shown(data.file);
  output.set(file, ((output.get(file) ?? '') + data.message).slice(-OUTPUT_TAIL));
}

function remember(
  parents: Map<string, { name: string; parent: string | null }>,
  data: Of<'test:start'>,
): void {
  const parent = data.nesting === 0 ? null : key(data.entryFile, data.parentId);
  parents.set(key(data.entryFile, data.testId), { name: data.name, parent });
}

function failure(
  data: Of<'test:fail'>,
  parents: ReadonlyMap<string, { name: string; parent: string | null }>,
  output: Map<string, string>,
): string {
  const error = data.details.error as Error & { failureType?: string };
  if (error.failureType === 'subtestsFailed') return '';
  if (data.entryFile === undefined) return fileFailure(data, output);
  const path: string[] = [];
  let at: string | null = key(data.entryFile, data.testId);
  while (at !== null) {
    const known = parents.get(at);
    path.unshift(known?.name ?? data.name);
    at = known?.parent ?? null;
  }
  const where = `${shown(data.file)}:${data.line ?? 0}`;
  const cause = error.cause instanceof Error ? error.cause : error;
  return `\n✖ ${path.join(' › ')}\n  ${where}\n${indent(withoutInternals(inspect(cause)))}\n\n`;
}

/** A file that failed as a whole: it threw while loading, or its process ended badly. */
function fileFailure(data: Of<'test:fail'>, output: Map<string, string>): string {
  const file = shown(data.name);
  const printed = output.get(file) ?? '';
  output.delete(file);
  const { exitCode, signal } = data.details.error as Error & { exitCode?: number; signal?: string };
  return `\n✖ ${file} (exit code ${exitCode ?? 'none'}, signal ${signal ?? 'none'})\n${indent(printed)}\n\n`;
}

function fileLine(data: Of<'test:summary'>, output: Map<string, string>): string {
  // Without a file it sums up the run, which the closing lines do.
  if (data.file === undefined) return '';
  const file = shown(data.file);
  const printed = output.get(file) ?? '';
  output.delete(file);
  const { tests, skipped } = data.counts;
  const notes = skipped > 0 ? `, ${skipped} skipped` : '';
  const line = `${data.success ? '✔' : '✖'} ${file} (${tests} tests${notes}, ${Math.round(data.duration_ms)} ms)\n`;
  return data.success || printed === '' ? line : `${line}${indent(printed)}\n`;
}

/** Output of files that never summed up: their process was ended. */
function unfinished(output: Map<string, string>): string {
  const lines = [...output].map(([file, printed]) => `✖ ${file} was ended\n${indent(printed)}\n\n`);
  output.clear();
  return lines.join('');
}

function key(file: string | undefined, id: number | undefined): string {
  return `${file ?? ''} ${id ?? ''}`;
}

function shown(file: string | undefined): string {
  if (file === undefined) return '';
  const path = relative(process.cwd(), file);
  // A file that was made for the run, to load others together.
  return path.startsWith('..') ? basename(path) : path;
}

/** Without the stack frames of Node.js itself. */
function withoutInternals(stack: string): string {
  return stack.replace(/^ +at .*\bnode:(internal|async_hooks)\b.*\n/gm, '');
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}
