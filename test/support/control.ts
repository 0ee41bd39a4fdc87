/** What commands ask a running gateway, without the cost of a process for each. */
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { ListenerStatus } from '#gateway';

/** A step of a rollout on all listeners; the first listener's status after it. */
export async function rolloutStep(
  { stateDir }: { readonly stateDir: string },
  step: 'start' | 'promote' | 'rollback' | 'status' | 'drain',
  input: object = {},
): Promise<ListenerStatus> {
  const answer =
    step === 'status'
      ? await ask(stateDir, 'GET', '/rollout', null)
      : await ask(stateDir, 'POST', step === 'drain' ? '/drain' : `/rollout/${step}`, {
          listener: null,
          ...(step === 'start' ? { sticky: true } : { drain: false }),
          ...input,
        });
  const { listeners = [], error } = answer;
  if (listeners[0] === undefined) throw new Error(error?.message ?? 'no listener');
  return listeners[0];
}

interface Answer {
  readonly listeners?: readonly ListenerStatus[];
  readonly error?: { readonly message: string };
}

function ask(stateDir: string, method: string, path: string, input: object | null) {
  const socketPath = join(stateDir, 'control.sock');
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (response) => {
      json(response).then((answer) => resolve(answer as Answer), reject);
    });
    outgoing.once('error', reject);
    outgoing.end(input === null ? undefined : JSON.stringify(input));
  });
}
