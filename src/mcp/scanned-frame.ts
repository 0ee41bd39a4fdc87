import type { JsonObject, NotificationFrame, RequestFrame, ResponseFrame, RpcId } from './frame.ts';
import type { Members } from './json/members.ts';
import { MESSAGE } from './shapes.ts';

const PARAMS = MESSAGE.key('params');
const META = MESSAGE.key('params', '_meta');
const RESULT = MESSAGE.key('result');

const NO_PARAMS: JsonObject = {};

/** What a message of a client or a server asks or tells; `params` are built when first used. */
export abstract class ScannedCall {
  readonly bytes: Buffer;
  readonly method: string;
  readonly #members: Members;

  constructor(bytes: Buffer, method: string, members: Members) {
    this.bytes = bytes;
    this.method = method;
    this.#members = members;
  }

  get params(): JsonObject {
    return this.#members.has(PARAMS) ? this.#members.object(PARAMS) : NO_PARAMS;
  }

  /** The value of one key of `params`. */
  param(name: string): unknown {
    return this.#members.entry(PARAMS, name);
  }

  /** The value of one key of `params._meta`. */
  metaEntry(key: string): unknown {
    return this.#members.entry(META, key);
  }
}

export class ScannedRequest extends ScannedCall implements RequestFrame {
  readonly kind = 'request';
  readonly id: RpcId;

  constructor(bytes: Buffer, id: RpcId, method: string, members: Members) {
    super(bytes, method, members);
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
  readonly #members: Members;

  constructor(bytes: Buffer, id: RpcId, members: Members) {
    this.bytes = bytes;
    this.id = id;
    this.outcome = new LazyResult(members);
    this.#members = members;
  }

  /** The value of one key of the result. */
  entry(key: string): unknown {
    return this.#members.entry(RESULT, key);
  }
}

class LazyResult {
  readonly #members: Members;

  constructor(members: Members) {
    this.#members = members;
  }

  get result(): JsonObject {
    return this.#members.object(RESULT);
  }
}
