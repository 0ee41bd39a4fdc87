import { join } from 'node:path';
import type { Report } from './report.ts';
import { testClient } from './suite.ts';

/** A scenario that tests clients, and an SDK that plays the client in it. */
export interface ClientCase {
  readonly scenario: string;
  readonly revision: string;
  /** Generation of the SDK. */
  readonly sdk: 1 | 2;
}

/** The same client without the gateway and through it. */
export interface ClientRun extends ClientCase {
  readonly direct: Report;
  readonly through: Report;
}

const MAIN = join(import.meta.dirname, 'client/main.ts');

const SCENARIOS: Readonly<Record<string, readonly string[]>> = {
  '2025-11-25': [
    'initialize',
    'tools_call',
    'elicitation-sep1034-client-defaults',
    'sse-retry',
    'json-schema-2020-12-preservation',
  ],
  '2026-07-28': [
    'tools_call',
    'request-metadata',
    'sep-2322-client-request-state',
    'http-standard-headers',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'json-schema-ref-no-deref',
    'json-schema-2020-12-preservation',
  ],
};

/** The first SDK knows nothing of the stateless revision. */
export const CLIENT_CASES: readonly ClientCase[] = Object.entries(SCENARIOS).flatMap(
  ([revision, scenarios]) =>
    scenarios.flatMap((scenario) =>
      (revision === '2026-07-28' ? ([2] as const) : ([1, 2] as const)).map((sdk) => ({
        scenario,
        revision,
        sdk,
      })),
    ),
);

/** Runs one scenario without the gateway and through it. */
export async function runClientCase(each: ClientCase): Promise<ClientRun> {
  const { scenario, revision, sdk } = each;
  const command = (way: string): string => `${process.execPath} ${MAIN} ${sdk} ${way}`;
  const direct = await testClient(command('direct'), scenario, revision);
  const through = await testClient(command('postern'), scenario, revision);
  return { ...each, direct, through };
}
