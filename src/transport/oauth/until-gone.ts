import { CallCancelled } from '../errors.ts';

/**
 * What others wait for too, for as long as this one wants it.
 *
 * @throws CallCancelled
 */
export async function untilGone<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const onAbort = (): void =>
    gone.reject(new CallCancelled('the client has gone or cancelled the call'));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([shared, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Whoever has gone does not hear of a failure any more.
    shared.catch(() => undefined);
  }
}
