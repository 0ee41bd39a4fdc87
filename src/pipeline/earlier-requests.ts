import { hash } from 'node:crypto';
import type { Access, RequestFrame, RpcId } from '#mcp';
import { idKey } from '#mcp';
import type { Permitted } from './authorize.ts';
import type { Session } from './session-tokens.ts';

/** What a request asked for whose answer its server may send once more. */
export interface EarlierRequest {
  readonly method: string;
  readonly accesses: readonly Access[];
}

/** Requests that are remembered, of all callers; the one that was noted first goes first. */
const MAX_REQUESTS = 8192;

/** Longer names are not remembered. */
const MAX_NAME_LENGTH = 1024;

/**
 * What requests asked for whose answers their servers keep. Such an answer may come much later, when a
 * client takes a stream up again (Streamable HTTP, "Resumability and Redelivery"), and says nothing of
 * its request but the id.
 */
export class EarlierRequests {
  /** By a digest of session and id, which are long. */
  readonly #requests = new Map<string, EarlierRequest>();

  note(session: Session, { method, id }: RequestFrame, { subject }: Permitted): void {
    const { accesses } = subject;
    const key = keyOf(session, id);
    // Another request under the same id must not stand for this one.
    this.#requests.delete(key);
    if (lengthOf(method, accesses) > MAX_NAME_LENGTH) return;
    this.#requests.set(key, { method, accesses });
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > MAX_REQUESTS && oldest !== undefined) this.#requests.delete(oldest);
  }

  /** `undefined` when it is not known here. */
  find(session: Session, id: RpcId): EarlierRequest | undefined {
    return this.#requests.get(keyOf(session, id));
  }
}

function lengthOf(method: string, accesses: readonly Access[]): number {
  const names = accesses.map((access) => ('name' in access ? access.name.length : 0));
  return names.reduce((sum, length) => sum + length, method.length);
}

/** No token has a space. */
function keyOf({ token }: Session, id: RpcId): string {
  return hash('sha256', `${token} ${idKey(id)}`, 'base64url');
}
