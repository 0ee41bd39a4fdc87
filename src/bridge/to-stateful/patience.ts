/**
 * Waits for work, but not for long.
 *
 * @param work must not reject.
 * @param otherwise what it comes to when it takes longer.
 */
export async function patiently<T>(work: Promise<T>, maxMs: number, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const patience = setTimeout(() => resolve(otherwise), maxMs).unref();
  const result = await Promise.race([work, promise]);
  clearTimeout(patience);
  return result;
}
