/**
 * A process that records without end into the directory it is given and prints what it sees: `ok`
 * and the id of each acknowledged entry, `refused` for each refused one, and the names of events.
 */
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createRecorder } from '#audit';
import { DEFAULT_LIMITS } from '#lib';
import { sampleEntry } from './entry.fixture.ts';
import { openJsonlStore } from './store.ts';

const [directory = '', callers = '1'] = process.argv.slice(2);
const limits = { ...DEFAULT_LIMITS, maxRecordFileBytes: 64 * 1024 };
const tell = (line: string) => writeSync(1, `${line}\n`);

const recorder = createRecorder({
  mode: 'durable',
  store: await openJsonlStore({ directory, durable: true, limits }),
  limits,
  events: (event) => tell(`event ${event.name}`),
});

async function call(): Promise<void> {
  for (;;) {
    const entry = sampleEntry();
    try {
      recorder.admit();
      await recorder.record(entry);
      tell(`ok ${entry.id}`);
    } catch {
      tell(`refused ${entry.id}`);
      await pause(20);
    }
  }
}

await Promise.all(Array.from({ length: Number(callers) }, () => call()));
