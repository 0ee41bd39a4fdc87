import type { JsonObject, NotificationFrame, RequestFrame, ResponseFrame, RpcId } from './frame.ts';
import type { Members } from './json/members.ts';
import { META_KEY } from './shapes.ts';

const NO_PARAMS: JsonObject = {};

/** What a message of a client or a server asks or tells; `params` are built when first used. */
export abstract class ScannedCall {
  readonly bytes: Buffer;
  readonly method: string;
  readonly #params: Members | null;

  constructor(bytes: Buffer, method: string, params: Members | null) {
    this.bytes = bytes;
    this.method = method;
    this.#params = params;
  }

  get params(): JsonObject {
    return this.#params?.whole() ?? NO_PARAMS;
  }

  /** The value of one key of `params`. */
  param(name: string): unknown {
    return this.#params?.valueOf(name);
  }

  /** The value of one key of `params._meta`. */
  metaEntry(key: string): unknown {
    return this.#params?.inner(META_KEY)?.valueOf(key);
  }
}

export class ScannedRequest extends ScannedCall implements RequestFrame {
  readonly kind = 'request';
  readonly id: RpcId;

  constructor(bytes: Buffer, id: RpcId, method: string, params: Members | null) {
    super(bytes, method, params);
    this.id = id;
  }
}

export class ScannedNotification extends ScannedCall implements NotificationFrame {
  readonly kind = 'notification';
}

/** A successful answer; `outcome.result` is built when first used. */
export class ScannedResult implements ResponseFrame {
  readonly kind = 'response';
  readonly bytes: Buffer;
  readonly id: RpcId;
  readonly outcome: { readonly result: JsonObject };
  /** Where the members of the result stand in `bytes`. */
  readonly members: Members;

  constructor(bytes: Buffer, id: RpcId, members: Members) {
    this.bytes = bytes;
    this.id = id;
    this.outcome = new LazyResult(members);
    this.members = members;
  }
}

class LazyResult {
  readonly #members: Members;

  constructor(members: Members) {
    this.#members = members;
  }

  get result(): JsonObject {
    return this.#members.whole();
  }
}
