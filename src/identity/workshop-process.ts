/** The process in which certificates are made: answers each request with one message, until let go. */
import { issueOrdered } from './enrol/issue-ordered.ts';
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
  const { nowMs } = request.kind === 'leaves' ? request.leaf : request.order;
  const stored = await loadIdentity(request.stateDir, nowMs);
  if (stored === null) throw new Error('the identity is gone');
  return request.kind === 'leaves'
    ? issueLeaves(stored, request.leaf)
    : issueOrdered(stored, request.order);
}
