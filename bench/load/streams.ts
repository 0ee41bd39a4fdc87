import type { Socket } from 'node:net';
import { dialer } from './dial.ts';
import type { LoadReport, StreamPlan } from './plan.ts';
import { StreamedCall, streamRequest } from './streamed-call.ts';
import { WindowCount } from './window.ts';

const MEGABYTE = 1e6;
/** Longest silence of a stream. */
const SILENCE_MS = 10_000;

/**
 * Event streams one after the other on one connection, each read to its end and compared with what it
 * has to hold: unmeasured while warming up, then measured. A window ends with a stream.
 */
export async function streams(plan: StreamPlan): Promise<LoadReport> {
  const { socket, link } = await dialer(plan.target)();
  // Between two streams nobody else listens.
  socket.on('error', () => undefined);
  try {
    const request = streamRequest(plan.target);
    await repeat(plan.times.warmUpMs, () => readStream(socket, request));
    const count = new WindowCount(plan.watch);
    await repeat(plan.times.windowMs, async () => {
      count.done((await readStream(socket, request)) / MEGABYTE);
    });
    return { link, closed: count.result(), open: null };
  } finally {
    socket.destroy();
  }
}

/** At least once, and again until so much time has gone. */
async function repeat(milliseconds: number, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  do await work();
  while (performance.now() - startedAt < milliseconds);
}

/** @returns how many bytes of events came. */
async function readStream(socket: Socket, request: Buffer): Promise<number> {
  const call = new StreamedCall();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    try {
      if (call.push(chunk)) resolve();
    } catch (error) {
      reject(error);
    }
  };
  const onClose = (): void => reject(new Error('the server closed the connection'));
  const onSilence = (): void => reject(new Error('the stream went silent'));
  socket.on('data', onData).on('error', reject).on('close', onClose).on('timeout', onSilence);
  socket.setTimeout(SILENCE_MS);
  socket.write(request);
  try {
    await promise;
    return call.bytes;
  } finally {
    socket.setTimeout(0);
    socket.off('data', onData).off('error', reject).off('close', onClose).off('timeout', onSilence);
  }
}
