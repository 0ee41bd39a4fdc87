import { hash } from 'node:crypto';
import type { Access, RequestFrame, RpcId } from '#mcp';
import { idKey } from '#mcp';
import type { Permitted } from './authorize.ts';
import type { Session } from './session-tokens.ts';

/** What was asked for, in a session and under an id, whose answer its server may send once more. */
export interface EarlierRequest {
  /** `null` when requests of several methods had the id. */
  readonly method: string | null;
  readonly accesses: readonly Access[];
}

/** Ids that are remembered, of all callers; the one that was used first goes first. */
const MAX_REQUESTS = 8192;

/** More characters of names under one id are not remembered. */
const MAX_NAMES_LENGTH = 1024;

/**
 * What requests asked for whose answers their servers keep. Such an answer may come much later, when a
 * client takes a stream up again (Streamable HTTP, "Resumability and Redelivery"), and says nothing of
 * its request but the id. A client that uses an id again has to be allowed all that it asked for under it.
 */
export class EarlierRequests {
  /** By a digest of session and id, which are long; `null` for what is too much to remember. */
  readonly #requests = new Map<string, EarlierRequest | null>();

  note(session: Session, { method, id }: RequestFrame, { subject }: Permitted): void {
    const key = keyOf(session, id);
    const before = this.#requests.get(key);
    this.#requests.delete(key);
    this.#requests.set(key, joined(before, { method, accesses: subject.accesses }));
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > MAX_REQUESTS && oldest !== undefined) this.#requests.delete(oldest);
  }

  /** `undefined` when it is not known here. */
  find(session: Session, id: RpcId): EarlierRequest | undefined {
    return this.#requests.get(keyOf(session, id)) ?? undefined;
  }
}

function joined(
  before: EarlierRequest | null | undefined,
  now: EarlierRequest & { readonly method: string },
): EarlierRequest | null {
  if (before === null) return null;
  const accesses = [...(before?.accesses ?? []), ...now.accesses];
  const byText = new Map(accesses.map((access) => [JSON.stringify(access), access]));
  const names = [...byText.keys(), now.method];
  if (names.reduce((sum, { length }) => sum + length, 0) > MAX_NAMES_LENGTH) return null;
  const sameMethod = before === undefined || before.method === now.method;
  return { method: sameMethod ? now.method : null, accesses: [...byText.values()] };
}

/** No token has a space. */
function keyOf({ token }: Session, id: RpcId): string {
  return hash('sha256', `${token} ${idKey(id)}`, 'base64url');
}
