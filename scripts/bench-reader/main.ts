/**
 * Measures reading a message, and writes its section of docs/benchmarks.md. Rounds are interleaved, so
 * that whatever else the machine does meets every reader alike.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Body } from './bodies.ts';
import { BODIES } from './bodies.ts';
import { READERS } from './readers.ts';

type ReaderName = keyof typeof READERS;
type Figures = Readonly<Record<ReaderName, number>>;

const DOCUMENT = join(import.meta.dirname, '../../docs/benchmarks.md');
const SECTION = /(<!-- Begin of bench:reader -->\n).*(\n<!-- End of bench:reader -->)/s;

const NAMES = Object.keys(READERS) as ReaderName[];
const WARM_UP_MS = 500;
/** So short that most rounds are not interrupted. */
const ROUND_MS = 0.3;
const BODY_MS = 4000;

const rows = BODIES.map((body) => row(body, measure(body)));
const table = [
  '| message | bytes | Postern µs | JSON.parse µs | with checks µs | shallow µs | Postern ÷ with checks | ÷ JSON.parse | ÷ shallow |',
  '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
  ...rows,
].join('\n');
console.log(table);
const document = await readFile(DOCUMENT, 'utf8');
if (!SECTION.test(document)) throw new Error('docs/benchmarks.md has no place for it');
await writeFile(
  DOCUMENT,
  document.replace(SECTION, (_, begin, end) => `${begin}\n${table}\n${end}`),
);

/** Medians over the rounds, in microseconds a message. */
function measure({ bytes }: Body): Figures {
  for (const name of NAMES) {
    for (const until = performance.now() + WARM_UP_MS; performance.now() < until;) {
      READERS[name](bytes);
    }
  }
  const count = Math.max(1, Math.round(ROUND_MS / time('parse', bytes, 1)));
  const times: Record<ReaderName, number[]> = { postern: [], parse: [], checked: [], shallow: [] };
  for (const until = performance.now() + BODY_MS; performance.now() < until;) {
    for (const name of NAMES) times[name].push(time(name, bytes, count));
  }
  const median = (name: ReaderName): number => {
    const sorted = times[name].toSorted((one, other) => one - other);
    return ((sorted[sorted.length >> 1] as number) * 1000) / count;
  };
  return {
    postern: median('postern'),
    parse: median('parse'),
    checked: median('checked'),
    shallow: median('shallow'),
  };
}

/** Milliseconds that so many messages take. */
function time(name: ReaderName, bytes: Buffer, count: number): number {
  const read = READERS[name];
  const start = performance.now();
  for (let index = 0; index < count; index += 1) read(bytes);
  return performance.now() - start;
}

function row({ name, bytes }: Body, figures: Figures): string {
  const { postern, parse, checked, shallow } = figures;
  const times = [postern, parse, checked, shallow].map(digits);
  const ratios = [postern / checked, postern / parse, postern / shallow].map((ratio) =>
    ratio.toFixed(2),
  );
  return `| ${[name, bytes.length, ...times, ...ratios].join(' | ')} |`;
}

function digits(microseconds: number): string {
  return microseconds < 100 ? microseconds.toPrecision(2) : microseconds.toFixed(0);
}
