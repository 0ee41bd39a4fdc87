/**
 * Why a certificate is revoked, by the names and codes of RFC 5280 §5.3.1. Those for authorities, and
 * `certificateHold`, which would have to be taken back, are left out.
 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const;

/** Name of a reason. */
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** The names, for command lines and schemas. */
export const REASON_NAMES = Object.keys(REVOCATION_REASONS) as [
  RevocationReason,
  ...RevocationReason[],
];
