import type { TokenAlgorithm } from '#crypto';
import type { KeySource } from './key-source.ts';

/** One authorization server whose access tokens are taken. */
export interface TrustedIssuer {
  /** Short name, without a colon: in principals, records and logs. */
  readonly name: string;
  /** Its issuer identifier. `iss` has to be equal, byte for byte (RFC 9068 §4). */
  readonly issuer: string;
  /** What `aud` may name instead of the resource that was called; `null`: that, or its site (RFC 8707). */
  readonly audiences: readonly string[] | null;
  /** What it may sign with. */
  readonly algorithms: readonly TokenAlgorithm[];
  /** Its keys. They verify no other issuer's tokens. */
  readonly keys: KeySource;
  /** The claim that names the principal, mostly `sub`. */
  readonly principalClaim: string;
  /**
   * What has to bind a token to its sender. A binding that a token has is checked in any case; `none`
   * also takes tokens that have none.
   */
  readonly binding: 'none' | 'any' | 'dpop' | 'certificate';
}

/** What came with an HTTP request. Repeated headers were refused before. */
export interface Presented {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The `DPoP` header. */
  readonly dpop: string | undefined;
  readonly httpMethod: string;
  /** Where the request went, absolute, without query and fragment: what `htu` of a proof names. */
  readonly url: string;
  /** The identifier of the protected resource (RFC 9728 §1.2) that was called. */
  readonly resource: string;
  /** The identifier of all that is there together; a token for it is one for each of its resources. */
  readonly site?: string;
  /** `x5t#S256` of the client's certificate on this link, `null` when it showed none. */
  readonly certificateThumbprint: string | null;
}

/** An access token that was verified, for the request that it came with. Frozen. */
export interface VerifiedToken {
  /** The issuer's short name. */
  readonly issuer: string;
  /** `sub`. */
  readonly subject: string;
  /** `client_id`, else `azp`, else `null`. */
  readonly clientId: string | null;
  /** The value of the principal claim: 1 to 255 visible ASCII characters. */
  readonly principal: string;
  readonly scopes: ReadonlySet<string>;
  /** From then on it is refused: `exp` and the leeway for clocks. */
  readonly expiresAtMs: number;
  /** What bound it to its sender and was checked; `dpop` if it was bound both ways. */
  readonly binding: 'none' | 'dpop' | 'certificate';
  /** Name of the algorithm of its signature. */
  readonly algorithm: string;
  /** No quantum attacker could have forged it, nor the proof that came with it. */
  readonly quantumSafe: boolean;
  /** All that it says, frozen. It may have personal data in it. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Tells tokens apart in logs and records, and gives nothing away: the start of its SHA-256. */
  readonly id: string;
}
