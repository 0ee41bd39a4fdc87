import type { IncomingMessage } from 'node:http';
import { formatBytes } from '#lib';
import { FrameTooLarge } from '#mcp';
import { RequestRefused } from './errors.ts';

/** Where the bytes of a body are counted, by whoever gives them back. */
export interface BodyRoom {
  /** @throws Overloaded when there is no room. */
  take(bytes: number): void;
}

/**
 * Receives a request body.
 *
 * @throws FrameTooLarge, Overloaded, or RequestRefused when it is cut off.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  room: BodyRoom,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  await receive(request, (chunk) => {
    if (size + chunk.length > maxBytes) throw tooLarge(maxBytes);
    room.take(chunk.length);
    size += chunk.length;
    chunks.push(chunk);
  });
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
}

/** Feeds the chunks to `take` until the end; when that throws, the rest is left where it is. */
function receive(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      try {
        take(chunk);
      } catch (refusal) {
        request.pause();
        request.off('data', onData);
        reject(refusal);
      }
    };
    const onCutOff = (cause?: unknown): void => {
      reject(new RequestRefused('the request was cut off', { cause }));
    };
    // What was looked up before reading took time, and the client may have left meanwhile.
    if (request.destroyed) onCutOff(request.errored);
    request.on('data', onData);
    request.once('error', onCutOff);
    request.once('close', onCutOff);
    request.once('end', () => {
      request.off('close', onCutOff);
      resolve();
    });
  });
}

function tooLarge(maxBytes: number): Error {
  return new FrameTooLarge(`the body exceeds ${formatBytes(maxBytes)}`, {
    details: { max_bytes: maxBytes },
  });
}
