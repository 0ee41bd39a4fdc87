/**
 * Waits for work, but not for long.
 *
 * @param work must not reject.
 */
export async function patiently(work: Promise<unknown>, maxMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const patience = setTimeout(resolve, maxMs).unref();
  await Promise.race([work, promise]);
  clearTimeout(patience);
}
