/** IANA's numbers of the TLS extensions that are looked into, and where each is defined. */
export const EXTENSION = {
  /** RFC 6066 §3. */
  serverName: 0x0000,
  /** RFC 8446 §4.2.7; `elliptic_curves` before TLS 1.3. */
  supportedGroups: 0x000a,
  /** RFC 8446 §4.2.3. */
  signatureAlgorithms: 0x000d,
  /** RFC 7301 §3.1. */
  alpn: 0x0010,
  /** RFC 8446 §4.2.11. */
  preSharedKey: 0x0029,
  /** RFC 8446 §4.2.10. */
  earlyData: 0x002a,
  /** RFC 8446 §4.2.1. */
  supportedVersions: 0x002b,
  /** RFC 8446 §4.2.3. */
  signatureAlgorithmsCert: 0x0032,
  /** RFC 8446 §4.2.8. */
  keyShare: 0x0033,
  /** RFC 9849 §5. */
  encryptedClientHello: 0xfe0d,
} as const;
