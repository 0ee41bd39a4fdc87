/**
 * The command that the suite runs as its client: `main.ts 1|2 direct|postern <url>`. The number is the
 * generation of the SDK; with `postern` a gateway stands between it and the suite's server.
 */
import { inspect } from 'node:util';
import { pqFetch } from '../../support/clients.ts';
import { startTestPostern } from '../../support/postern.ts';
import { POLICY } from '../policy.ts';
import { connect } from './connect.ts';
import type { Context } from './script.ts';
import { play } from './script.ts';

/** Less than the suite waits: what it ends by force would leave its gateway behind. */
const PATIENCE_MS = 20_000;

const [, , generation, way, url = ''] = process.argv;
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const revision = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? '';
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;

if (way === 'postern') await throughPostern();
else await run(url, fetch);
// A client keeps its connections for a while.
process.exit();

async function throughPostern(): Promise<void> {
  const postern = await startTestPostern({ servers: { suite: { http: { url } } }, policy: POLICY });
  const tls = pqFetch(postern);
  try {
    await run(postern.url('suite'), tls.fetch);
  } finally {
    await tls.close();
    await postern.stop();
  }
}

async function run(endpoint: string, through: typeof fetch): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the scenario takes too long')), PATIENCE_MS);
  try {
    await Promise.race([late, session(endpoint, through)]);
  } catch (error) {
    // The suite tells the rest: it goes by what it saw.
    process.exitCode = 1;
    process.stderr.write(`${inspect(error)}\n`);
  } finally {
    clearTimeout(timer);
  }
}

async function session(endpoint: string, through: typeof fetch): Promise<void> {
  const client = await connect(generation === '1' ? 1 : 2, endpoint, through, revision);
  await play(client, scenario, context);
  await client.close();
}
