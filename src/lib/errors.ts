/**
 * The typed failures of the gateway: one class and one `POSTERN_*` code per failure.
 *
 * A room declares its failures with {@link defineError} in its own `errors.ts`; the catalogue that
 * this fills is the source of docs/errors.md.
 */

/** What a failure means to a person, and how it shows on the wire. */
export interface ErrorInfo {
  /** What went wrong, as one sentence for docs/errors.md. */
  readonly meaning: string;
  /** What a person can do about it. */
  readonly hint: string;
  /** HTTP status when the failure answers an HTTP request. */
  readonly httpStatus?: number;
  /** JSON-RPC error code when the failure answers a JSON-RPC request. */
  readonly rpcCode?: number;
}

/** Structured facts that go with one occurrence, safe to log and to return to the caller. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Options of a failure's constructor. */
export interface ErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
  /** Replaces the class's general hint where the occurrence allows a better one. */
  readonly hint?: string;
  /** Replaces the class's JSON-RPC code where a revision of MCP has another for the occurrence. */
  readonly rpcCode?: number;
}

/** JSON-RPC 2.0 "Internal error", used where a failure names no code of its own. */
export const RPC_INTERNAL_ERROR = -32603;

/** Base of every failure that Postern raises knowingly. */
export abstract class PosternError extends Error {
  /** Stable machine-readable code, `POSTERN_…`. */
  abstract readonly code: string;
  /** HTTP status that answers the request, 500 unless the class says otherwise. */
  abstract readonly httpStatus: number;
  /** JSON-RPC error code that answers the request. */
  abstract readonly rpcCode: number;
  readonly hint: string;
  readonly details: ErrorDetails;

  protected constructor(message: string, hint: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint ?? hint;
    this.details = options.details ?? {};
  }
}

/** The class of one failure, as {@link defineError} returns it. */
export interface ErrorClass {
  new (message: string, options?: ErrorOptions): PosternError;
  readonly code: string;
  readonly info: ErrorInfo;
}

const catalogue = new Map<string, ErrorInfo>();

/**
 * Declares one failure and enters it in the catalogue.
 *
 * @throws Error when the code is malformed or was declared before: both are mistakes in the source.
 */
export function defineError(code: `POSTERN_${string}`, info: ErrorInfo): ErrorClass {
  if (!/^POSTERN(_[A-Z0-9]+)+$/.test(code)) throw new Error(`malformed error code ${code}`);
  if (catalogue.has(code)) throw new Error(`error code ${code} is declared twice`);
  catalogue.set(code, info);
  return class extends PosternError {
    static readonly code = code;
    static readonly info = info;
    override readonly name = code;
    readonly code = code;
    readonly httpStatus = info.httpStatus ?? 500;
    readonly rpcCode: number;

    constructor(message: string, options: ErrorOptions = {}) {
      super(message, info.hint, options);
      this.rpcCode = options.rpcCode ?? info.rpcCode ?? RPC_INTERNAL_ERROR;
    }
  };
}

/** Every failure declared so far, by code; complete once all rooms are imported. */
export function errorCatalogue(): ReadonlyMap<string, ErrorInfo> {
  return catalogue;
}

/** A failure that nobody foresaw: a defect in Postern. Its details stay in the log. */
export const InternalError = defineError('POSTERN_INTERNAL', {
  meaning: 'Postern met a condition that it does not know; the call was refused.',
  hint: 'Look for this call id in the log and report it with the lines around it.',
});

/** Turns anything thrown into a {@link PosternError}, keeping the original as its cause. */
export function toPosternError(thrown: unknown): PosternError {
  if (thrown instanceof PosternError) return thrown;
  return new InternalError('internal error', { cause: thrown });
}

/** The message of anything thrown, for logs. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
