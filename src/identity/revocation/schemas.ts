/** Shapes of the ledger and of the list of revoked certificates. Times are ISO 8601. */
import { z } from 'zod';
import { REASON_NAMES } from './reasons.ts';

const fingerprint256 = z.string().regex(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
const serial = z.string().regex(/^[0-9A-F]{1,40}$/);
const chain = z.string().max(32);
const time = z.iso.datetime();

export const ledgerEntry = z.strictObject({
  name: z.string().max(64),
  spiffe_id: z.string().max(2048),
  serial,
  chain,
  fingerprint256,
  not_before: time,
  not_after: time,
  issued_at: time,
});

/** A certificate that was issued to a client. */
export type LedgerEntry = z.output<typeof ledgerEntry>;

const revokedEntry = z.strictObject({
  fingerprint256,
  /** `null` when it is known by its fingerprint alone. */
  serial: serial.nullable(),
  /** `null` for a certificate of another authority. */
  chain: chain.nullable(),
  name: z.string().max(256).nullable(),
  reason: z.enum(REASON_NAMES),
  revoked_at: time,
  /** After it the certificate is refused anyway, and the entry dropped in the end. */
  not_after: time.nullable(),
});

/** A revoked certificate. */
export type RevokedEntry = z.output<typeof revokedEntry>;

export const revokedFile = z.strictObject({
  version: z.literal(1),
  revoked: z.array(revokedEntry),
});
