/** The process in which a new identity is made: takes what is wanted, answers with the files, ends. */
import type { NewIdentity } from './make-identity.ts';
import { makeIdentityFiles } from './make-identity.ts';

process.once('message', (wanted: NewIdentity) => {
  void answer(wanted);
});
// The parent is gone: nobody wants the keys.
process.once('disconnect', () => process.exit());

async function answer(wanted: NewIdentity): Promise<void> {
  const files = await makeIdentityFiles(wanted);
  process.send?.(files, () => process.disconnect?.());
}
