/**
 * Why a certificate is revoked, by the names of RFC 5280 §5.3.1. Those for authorities, and
 * `certificateHold`, which would have to be taken back, are left out.
 */
export const REASON_NAMES = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

/** Name of a reason. */
export type RevocationReason = (typeof REASON_NAMES)[number];
