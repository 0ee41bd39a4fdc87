import { formatBytes } from '#lib';
import { FrameTooLarge } from '#mcp';
import type { HttpExchange } from '#transport';
import { RequestCutOff } from '#transport';
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
  exchange: HttpExchange,
  maxBytes: number,
  room: BodyRoom,
): Promise<Buffer> {
  const declared = Number(exchange.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    if (size + chunk.length > maxBytes) throw tooLarge(maxBytes);
    room.take(chunk.length);
    size += chunk.length;
    chunks.push(chunk);
  };
  await exchange.readBody(take).catch((thrown: unknown) => {
    if (!(thrown instanceof RequestCutOff)) throw thrown;
    throw new RequestRefused('the request was cut off', { cause: thrown });
  });
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
}

function tooLarge(maxBytes: number): Error {
  return new FrameTooLarge(`the body exceeds ${formatBytes(maxBytes)}`, {
    details: { max_bytes: maxBytes },
  });
}
