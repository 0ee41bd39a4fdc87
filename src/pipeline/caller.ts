import type { TokenRecord } from '#audit';
import type { LinkSecurity } from '#crypto';
import type { SubjectToken } from '#transport';

/** Who is at the other end of a hop, as far as it has proven it. */
export interface Caller {
  /** How its hop is protected, with the certificate that it showed. */
  readonly clientLink: LinkSecurity;
  /** What its access token says, `null` when it sent none. */
  readonly token: CallerToken | null;
}

/** A verified access token, as far as a call depends on it. */
export interface CallerToken {
  /** Name of its issuer in the configuration. */
  readonly issuer: string;
  /** `sub`. */
  readonly subject: string;
  readonly clientId: string | null;
  /** Whom it names; unique with its issuer. */
  readonly principal: string;
  readonly scopes: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** What besides having it proves that it is its sender's. */
  readonly binding: 'none' | 'dpop' | 'certificate';
  /** Of its signature. */
  readonly algorithm: string;
  readonly quantumSafe: boolean;
  /** Names it in records and logs; tells nothing of it. */
  readonly id: string;
  /** The token itself, for exchanging it; it is sent to no server. */
  readonly presented: SubjectToken;
}

/** A token as the record has it. */
export function describeToken(token: CallerToken): TokenRecord {
  return {
    issuer: token.issuer,
    subject: token.subject,
    client_id: token.clientId,
    binding: token.binding,
    id: token.id,
    algorithm: token.algorithm,
    quantum_safe: token.quantumSafe,
  };
}
