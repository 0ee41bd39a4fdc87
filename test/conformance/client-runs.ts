import { join } from 'node:path';
import type { Check } from './report.ts';
import { testClient } from './suite.ts';
import type { Part } from './verdict.ts';

/** The scenarios that one client plays in one revision. */
export interface ClientSelection {
  readonly title: string;
  /** `null` for scenarios of extensions, which belong to none. */
  readonly revision: string | null;
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

const SKILLS = ['no-prefetch', 'verify-digest', 'verify-frontmatter', 'verify-size'];

/** Every scenario that is about more than getting a token; the first SDK speaks one era. */
export const CLIENT_SELECTIONS: readonly ClientSelection[] = [
  { title: '2025-11-25, SDK 1', revision: '2025-11-25', sdk: 1, scenarios: STATEFUL },
  { title: '2025-11-25, SDK 2', revision: '2025-11-25', sdk: 2, scenarios: STATEFUL },
  { title: '2026-07-28, SDK 2', revision: '2026-07-28', sdk: 2, scenarios: STATELESS },
  {
    title: 'Skills, SDK 2',
    revision: null,
    sdk: 2,
    scenarios: SKILLS.map((name) => `sep-2640-client-${name}`),
  },
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
      report.set(scenario, await testTwice(() => testClient(command, scenario, revision)));
    }
    reports.set(name, report);
  }
  return { title, reports };
}

/** Scenarios that go by the clock fail on a busy machine; one that is broken fails again. */
async function testTwice(test: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  const checks = await test();
  const failed = checks.some(({ status }) => status === 'FAILURE' || status === 'WARNING');
  return failed ? test() : checks;
}
