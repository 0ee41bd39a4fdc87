/** The process in which certificates are made: answers each request with one message, until let go. */
import { messageOf } from '#lib';
import { issueOrdered } from './enrol/issue-ordered.ts';
import { issueLeaves } from './gateway-leaves.ts';
import { loadIdentity } from './load-identity.ts';
import { withStateLock } from './lock.ts';
import { makeIdentityFiles } from './make-identity.ts';
import { upkeep } from './upkeep.ts';
import type { WorkshopAnswer, WorkshopRequest } from './workshop.ts';

process.on('message', (request: WorkshopRequest) => {
  void answer(request);
});
// Whoever asked is gone or has what was asked for: nobody else may have the keys.
process.once('disconnect', () => process.exit());

async function answer(request: WorkshopRequest): Promise<void> {
  const said: WorkshopAnswer = await work(request).then(
    (value) => ({ ok: true, value }),
    (thrown: unknown) => ({ ok: false, message: messageOf(thrown) }),
  );
  process.send?.(said);
}

async function work(request: WorkshopRequest): Promise<unknown> {
  switch (request.kind) {
    case 'authorities':
      return makeIdentityFiles(request.wanted);
    case 'leaves': {
      const stored = await loadIdentity(request.stateDir, request.leaf.nowMs);
      if (stored === null) throw new Error('the identity is gone');
      return issueLeaves(stored, request.leaf);
    }
    case 'client': {
      const stored = await loadIdentity(request.stateDir, request.order.nowMs);
      if (stored === null) throw new Error('the identity is gone');
      return issueOrdered(request.stateDir, stored, request.order);
    }
    case 'rotation':
      // Every start comes here for leaves, few for a rotation.
      return (await import('./rotation/change.ts')).rotateIssuingIfDue(
        request.stateDir,
        request.issuingMaxAgeMs,
      );
    case 'upkeep':
      return withStateLock(request.stateDir, () => upkeep(request.stateDir));
  }
}
