import type { RequestFrame, RpcId } from '#mcp';
import { always, asRpcId, editJson, idKey, isObject } from '#mcp';
import { Memory } from './memory.ts';

/** A member's request that the client has not answered yet. */
export interface Asked {
  readonly server: string;
  /** The member's own id, and progress token if it gave one. */
  readonly id: RpcId;
  readonly token: RpcId | undefined;
}

/** Longest id or progress token of a member, in characters; they are kept until they are answered. */
const MAX_ID = 1024;

/**
 * The members' requests to one client. Their ids are the members' own choice and would collide, so the
 * client sees others, which also stand for the progress tokens.
 */
export class Questions {
  readonly #asked: Memory<Asked>;
  readonly #ids: Memory<string>;
  #count = 0;

  /** @param max requests that may wait for an answer; the oldest is forgotten first. */
  constructor(max: number) {
    this.#asked = new Memory(max);
    this.#ids = new Memory(max);
  }

  /** The request as the client is to see it, `null` when it is not to. */
  enter(server: string, frame: RequestFrame): Buffer | null {
    const meta = frame.params['_meta'];
    const token = isObject(meta) ? asRpcId(meta['progressToken']) : undefined;
    if (String(frame.id).length > MAX_ID || String(token).length > MAX_ID) return null;
    this.#count += 1;
    const id = `${server}/${this.#count}`;
    this.#asked.set(id, { server, id: frame.id, token });
    this.#ids.set(keyOf(server, frame.id), id);
    const edits = { id: always(id), params: { _meta: { progressToken: always(id) } } };
    return editJson(frame.bytes, edits);
  }

  /** What the client answers or reports on, by the id that it was given. */
  find(id: unknown): Asked | undefined {
    return typeof id === 'string' ? this.#asked.get(id) : undefined;
  }

  /** The id that the client knows a member's request by. */
  idOf(server: string, id: RpcId): string | undefined {
    return this.#ids.get(keyOf(server, id));
  }

  answered(id: string): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    this.#ids.delete(keyOf(asked.server, asked.id));
  }
}

function keyOf(server: string, id: RpcId): string {
  return `${server}/${idKey(id)}`;
}
