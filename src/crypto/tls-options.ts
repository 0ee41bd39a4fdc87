import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Profile } from './profiles.ts';

/** The part of Node's TLS options that a profile decides. */
export type ProfileTlsOptions = Required<
  Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'ciphers' | 'ecdhCurve' | 'sigalgs'>
> & {
  readonly honorCipherOrder: true;
  readonly secureOptions: number;
};

/**
 * Compiles a profile to Node's TLS options, for either side of a connection.
 *
 * Tiers become OpenSSL's group tuples, `A:B/C:D`: a peer that supports a group of the first tuple is
 * moved there by a HelloRetryRequest. Tickets are off: a resumed session would carry an identity
 * past a change of trust, and SSL_OP_ALLOW_NO_DHE_KEX is never set, so the group in a session is
 * always that of its own handshake.
 */
export function tlsOptionsOf(profile: Profile): ProfileTlsOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: profile.ciphers.map((cipher) => cipher.name).join(':'),
    ecdhCurve: profile.groupTiers
      .map((tier) => tier.map((group) => group.opensslName).join(':'))
      .join('/'),
    sigalgs: profile.signatures.map((scheme) => scheme.opensslName).join(':'),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}
