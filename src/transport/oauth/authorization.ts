import type { UpstreamRequest } from '../upstream.ts';
import type { AccessToken } from './access-token.ts';

/** In whose name a server is asked. */
export type Asking = Pick<UpstreamRequest, 'principal' | 'subjectToken' | 'signal'>;

/** The access tokens with which one server is asked. */
export interface Authorization {
  /**
   * The token for one exchange; at once while one is in force.
   *
   * @throws UpstreamTokenUnavailable, UpstreamTokenRefused, CallerTokenRequired, CallCancelled, and what
   *   links are refused with; so does the promise reject.
   */
  tokenFor(asking: Asking): AccessToken | Promise<AccessToken>;
  /** The server has refused a token: another one, `null` when there is no use in another try. */
  replace(asking: Asking, refused: AccessToken): Promise<AccessToken | null>;
  /**
   * Tries what can be tried without a caller.
   *
   * @returns one sentence on it, which tells no token.
   * @throws what `tokenFor` throws.
   */
  probe(): Promise<string>;
  /** Nothing more is asked for; resolves when nothing is under way. */
  close(): Promise<void>;
}
