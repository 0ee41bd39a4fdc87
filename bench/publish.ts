/** The page and what it was made of. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderCharts } from './report/charts.ts';
import { renderDocument } from './report/document.ts';
import type { CaseResult, Results } from './results.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(import.meta.dirname, 'results');
/** The one run that is committed: the document can be made of it again. */
const PUBLISHED = join(RESULTS, 'published.json');
const DOCUMENT = join(ROOT, 'docs/benchmarks.md');
const IMAGES = join(ROOT, 'docs/images');

/** Writes a run's results into a file of their own, and says which. */
export async function keep(results: Results): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const file = join(RESULTS, `${results.startedAt.replaceAll(/[:.]/g, '-')}.json`);
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

/**
 * Rewrites the document, its charts and the committed results. Cases that this run did not measure
 * stay as they were published.
 *
 * @param order Names of all cases, as the tables have them.
 */
export async function publish(results: Results, order: readonly string[]): Promise<void> {
  const merged = merge(await readPublished(), results, order);
  const document = renderDocument(merged, await otherSections());
  await mkdir(RESULTS, { recursive: true });
  await writeFile(PUBLISHED, `${JSON.stringify(merged)}\n`);
  await writeFile(DOCUMENT, document);
  for (const [name, chart] of renderCharts(merged)) await writeFile(join(IMAGES, name), chart);
}

/** What was published with what was measured now; what is no case any more goes. */
export function merge(before: Results | null, now: Results, order: readonly string[]): Results {
  if (before === null) return now;
  const measured = ({ rounds }: CaseResult): boolean => rounds.length > 0;
  const cases = order.flatMap((name) => {
    const old = before.cases.find((each) => each.name === name);
    const fresh = now.cases.find((each) => each.name === name);
    const one = fresh !== undefined && (measured(fresh) || old === undefined) ? fresh : old;
    return one ?? [];
  });
  const kept = before.profiles.filter(
    ({ name }) => !now.profiles.some((profile) => profile.name === name),
  );
  return { ...now, cases, profiles: [...now.profiles, ...kept] };
}

async function readPublished(): Promise<Results | null> {
  try {
    return JSON.parse(await readFile(PUBLISHED, 'utf8')) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The sections that are not of this benchmark: what other commands have measured. */
async function otherSections(): Promise<string> {
  const document = await readFile(DOCUMENT, 'utf8');
  return /^## Reading messages\n.*?(?=\n\n## Notes\n)/ms.exec(document)?.[0] ?? '';
}
