import { join } from 'node:path';
import type { Check } from './report.ts';
import { testClient } from './suite.ts';
import type { Part } from './verdict.ts';

/** The scenarios that one client plays in one revision. */
export interface ClientSelection {
  readonly title: string;
  readonly revision: string;
  /** Generation of the SDK. */
  readonly sdk: 1 | 2;
  readonly scenarios: readonly string[];
}

const MAIN = join(import.meta.dirname, 'client/main.ts');

const STATEFUL = [
  'elicitation-sep1034-client-defaults',
  'initialize',
  'json-schema-2020-12-preservation',
  'sse-retry',
  'tools_call',
];

const STATELESS = [
  'http-custom-headers',
  'http-invalid-tool-headers',
  'http-standard-headers',
  'json-schema-2020-12-preservation',
  'json-schema-ref-no-deref',
  'request-metadata',
  'sep-2322-client-request-state',
  'tools_call',
];

/** Every scenario that is about more than getting a token; the first SDK speaks one era. */
export const CLIENT_SELECTIONS: readonly ClientSelection[] = [
  { title: '2025-11-25, SDK 1', revision: '2025-11-25', sdk: 1, scenarios: STATEFUL },
  { title: '2025-11-25, SDK 2', revision: '2025-11-25', sdk: 2, scenarios: STATEFUL },
  { title: '2026-07-28, SDK 2', revision: '2026-07-28', sdk: 2, scenarios: STATELESS },
];

/** The ways of the client to the suite's server, and what its command calls them. */
const WAYS = { direct: 'direct', 'Postern, TLS': 'postern' } as const;

/** Plays the scenarios one by one: some go by the clock. */
export async function runClients(selection: ClientSelection): Promise<Part> {
  const { title, revision, sdk, scenarios } = selection;
  const reports = new Map<string, ReadonlyMap<string, readonly Check[]>>();
  for (const [name, way] of Object.entries(WAYS)) {
    const command = [process.execPath, MAIN, sdk, way].join(' ');
    const report = new Map<string, readonly Check[]>();
    for (const scenario of scenarios) {
      report.set(scenario, await testClient(command, scenario, revision));
    }
    reports.set(name, report);
  }
  return { title, reports };
}
