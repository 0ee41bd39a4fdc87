/** The process in which certificates are made: answers each request with one message, until let go. */
import { issueLeaves } from './gateway-leaves.ts';
import { loadIdentity } from './load-identity.ts';
import { makeIdentityFiles } from './make-identity.ts';
import type { WorkshopRequest } from './workshop.ts';

process.on('message', (request: WorkshopRequest) => {
  void answer(request);
});
// Whoever asked is gone or has what was asked for: nobody else may have the keys.
process.once('disconnect', () => process.exit());

async function answer(request: WorkshopRequest): Promise<void> {
  process.send?.(await work(request));
}

async function work(request: WorkshopRequest): Promise<unknown> {
  if (request.kind === 'authorities') return makeIdentityFiles(request.wanted);
  const stored = await loadIdentity(request.stateDir, request.leaf.nowMs);
  if (stored === null) throw new Error('the identity is gone');
  return issueLeaves(stored, request.leaf);
}
