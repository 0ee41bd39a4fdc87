import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import type { Case } from './case.ts';
import type { Times } from './load/plan.ts';
import { measure } from './measure.ts';
import type { Echo } from './subjects/echo.ts';
import type { Peer } from './subjects/peer.ts';
import { peerCase } from './subjects/peer.ts';

/** How long their owner may take to start them. */
const PATIENCE_MS = 600_000;
const RETRY_MS = 2000;
/** A few calls. */
const TRIAL: Times = { warmUpMs: 0, warmUpCalls: 0, windowMs: 100, openMs: 0 };

/**
 * Says what peers have to forward to, and resolves with their cases when all of them answer rightly.
 *
 * @throws Error when one does not in time, with what was wrong.
 */
export async function awaitPeers(
  bench: Bench,
  peers: readonly Peer[],
  upstream: Echo,
  interrupted: AbortSignal,
): Promise<readonly Case[]> {
  console.error(`The upstream of ${peers.map(({ name }) => name).join(', ')}: http://127.0.0.1:${upstream.port}/mcp
(Streamable HTTP, MCP 2025-11-25, no sessions; tools: echo, which takes {"message": string}).
The load comes from core ${bench.cores.generator ?? 'any'}, Postern runs on core ${bench.cores.subject ?? 'any'}: a peer compares on that same core
alone (taskset). Waiting until each answers calls of ${peers.map(({ tool }) => `"${tool}"`).join(', ')} …`);
  const cases = peers.map((peer) => peerCase(peer, upstream));
  const deadline = performance.now() + PATIENCE_MS;
  for (const each of cases) {
    for (;;) {
      const complaint = await tryOut(bench, each);
      interrupted.throwIfAborted();
      if (complaint === null) break;
      if (performance.now() > deadline) throw new Error(`${each.title}: ${complaint}`);
      await wait(RETRY_MS, undefined, { signal: interrupted });
    }
  }
  return cases;
}

/** @returns what was wrong, `null` for nothing. */
async function tryOut(bench: Bench, each: Case): Promise<string | null> {
  try {
    const { report } = await measure(bench, each, TRIAL);
    const { calls, complaints } = report.closed;
    return calls > 0 ? (complaints[0] ?? null) : 'no call was answered';
  } catch (error) {
    return (error as Error).message;
  }
}
