/** TLS alerts that the front sends itself, before there is a TLS server for the connection. */

/** AlertDescription (RFC 8446 §6), by its standard name. */
export const ALERT = {
  handshake_failure: 40,
  decode_error: 50,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  no_application_protocol: 120,
} as const;

export type AlertName = keyof typeof ALERT;

const ALERT_RECORD = 21;
const TLS_1_2 = [3, 3];
const FATAL = 2;

/** A record with one fatal alert, unencrypted as all is before a ServerHello (RFC 8446 §5.1, §6). */
export function alertRecord(name: AlertName): Buffer {
  const body = [FATAL, ALERT[name]];
  return Buffer.from([ALERT_RECORD, ...TLS_1_2, 0, body.length, ...body]);
}
