import { defineError } from '#lib';

export const StateDirUnsafe = defineError('POSTERN_STATE_DIR_UNSAFE', {
  meaning:
    'The state directory is open to other users, belongs to another user, or is no directory.',
  hint: 'Give Postern a directory of its own that only its user can enter (mode 700).',
});

export const StateFileUnsafe = defineError('POSTERN_STATE_FILE_UNSAFE', {
  meaning: 'A file of the identity is open to other users, belongs to another user, or is a link.',
  hint: 'Make the file the gateway’s own with mode 600; if others could read a key, replace it.',
});

export const StorageFailed = defineError('POSTERN_IDENTITY_STORAGE_FAILED', {
  meaning: 'The operating system refused to read or write a file of an identity.',
  hint: 'Check that the directory exists, that this user may write to it, and that the disk has room.',
});

export const StateBusy = defineError('POSTERN_STATE_BUSY', {
  meaning: 'Another process is changing the authorities or what they issued, and does not finish.',
  hint: 'Wait for it and try again; if no such process runs, remove identity.lock from the state directory.',
});

export const IdentityMissing = defineError('POSTERN_IDENTITY_MISSING', {
  meaning: 'The state directory holds no identity yet.',
  hint: 'Start the gateway once with `postern up`: it makes its identity on the first start.',
});

export const IdentityDamaged = defineError('POSTERN_IDENTITY_DAMAGED', {
  meaning: 'The stored identity is incomplete, or its keys and certificates do not fit together.',
  hint: 'Restore the identity directory from a backup, or move it aside: the next start then makes a new identity, and clients need its new ca.crt.',
});

export const IdentityExpired = defineError('POSTERN_IDENTITY_EXPIRED', {
  meaning: 'A certificate of the gateway is outside its validity period.',
  hint: 'Check the clock. If it is right and an issuing CA has expired, run `postern ca rotate`; if a root has, move the identity directory aside: the next start makes a new identity, and clients need its new ca.crt.',
});

export const RootKeyUnavailable = defineError('POSTERN_ROOT_KEY_UNAVAILABLE', {
  meaning: 'The private key of a root is needed and is not in the state directory.',
  hint: 'Name the directory that `postern ca offline` moved the keys to: `postern ca rotate --root-keys <directory>`.',
});

export const RootsInTransition = defineError('POSTERN_IDENTITY_ROOTS_IN_TRANSITION', {
  meaning:
    'Roots of an earlier rotation are still trusted, and only one rotation can be under way.',
  hint: 'Once every client has the new ca.crt, run `postern ca retire`; then rotate again.',
});

export const NothingToRetire = defineError('POSTERN_NOTHING_TO_RETIRE', {
  meaning: 'No roots but the present ones are trusted.',
  hint: '`postern ca rotate --root` makes new roots; the ones before are then retired by this command.',
});

export const RehearsalFailed = defineError('POSTERN_ROTATION_REHEARSAL_FAILED', {
  meaning: 'A handshake with the new authorities did not succeed, so they were not put in force.',
  hint: 'Nothing has changed. Look at the check that failed; run `postern doctor`.',
});

export const WorkshopFailed = defineError('POSTERN_WORKSHOP_FAILED', {
  meaning: 'The process that makes certificates failed or did not answer in time.',
  hint: 'Look at its messages in the log and at the load and memory of this machine.',
});

export const TrustDomainChanged = defineError('POSTERN_TRUST_DOMAIN_CHANGED', {
  meaning: 'The configured trust domain is not the one that the stored identity was made for.',
  hint: 'Set the trust domain back, or move the identity directory aside to make a new identity.',
});

export const SpiffeIdInvalid = defineError('POSTERN_SPIFFE_ID_INVALID', {
  meaning: 'A SPIFFE id or trust domain is malformed.',
  hint: 'A trust domain is lower-case letters, digits, dots, dashes and underscores, such as example.org.',
});

export const GatewayNameInvalid = defineError('POSTERN_GATEWAY_NAME_INVALID', {
  meaning: 'A name for the gateway’s certificate is neither a DNS name nor an IP address.',
  hint: 'Give a host name such as mcp.example.org (Punycode for other scripts) or an IP address.',
});

export const ClientNameInvalid = defineError('POSTERN_CLIENT_NAME_INVALID', {
  meaning: 'A client name is malformed or reserved.',
  hint: 'Use up to 63 lower-case letters, digits, dots, dashes and underscores, starting with a letter or digit; not `anonymous`, `gateway` or `ca`.',
});

export const ClientLifetimeInvalid = defineError('POSTERN_CLIENT_LIFETIME_INVALID', {
  meaning: 'A client certificate was asked for with a lifetime that cannot be given.',
  hint: 'Ask for 1 to 365 whole days, ending before the issuing CA does.',
});

export const ClientFileExists = defineError('POSTERN_CLIENT_FILE_EXISTS', {
  meaning: 'A file of a certificate or of a key exists already; nothing is overwritten.',
  hint: 'Write to another directory, or move the existing files away.',
});

export const IdentityRejected = defineError('POSTERN_IDENTITY_REJECTED', {
  meaning: 'A verified peer certificate names no client of this gateway’s trust domain.',
  hint: 'Use a client certificate that `postern cert issue <name>` made for this gateway.',
  httpStatus: 403,
});

export const ChannelProofInvalid = defineError('POSTERN_CHANNEL_PROOF_INVALID', {
  meaning: 'The second, classical proof of a client’s identity is missing or does not hold.',
  hint: 'Give the client a second certificate of the same name with `postern cert issue --algorithm ECDSA-P256`.',
  httpStatus: 403,
});

export const LedgerInvalid = defineError('POSTERN_IDENTITY_LEDGER_INVALID', {
  meaning: 'The ledger of issued certificates (identity/issued.jsonl) cannot be read.',
  hint: 'Restore the file, or remove the line that is told; what that line named can be revoked with `postern cert revoke --certificate <file>`.',
});

export const LedgerFull = defineError('POSTERN_IDENTITY_LEDGER_FULL', {
  meaning: 'The ledger of issued certificates is full: too many have not expired.',
  hint: 'Issue for shorter times and renew; entries are dropped once their certificates have expired.',
});

export const RevocationsInvalid = defineError('POSTERN_IDENTITY_REVOCATIONS_INVALID', {
  meaning: 'The list of revoked certificates (identity/revoked.json) cannot be read.',
  hint: 'Restore the file from a backup. Removing it lets every revoked certificate in again.',
});

export const CertificateUnknown = defineError('POSTERN_CERTIFICATE_UNKNOWN', {
  meaning: 'No certificate of that name or serial number was issued that has not expired.',
  hint: 'Look at `postern cert list`; a certificate of another authority is revoked with --certificate or --fingerprint.',
});

export const CertificateUnreadable = defineError('POSTERN_CERTIFICATE_UNREADABLE', {
  meaning: 'What was given to be revoked is no certificate, fingerprint or serial number.',
  hint: 'Give a PEM or DER file, a SHA-256 fingerprint as `openssl x509 -fingerprint -sha256` prints it, or a serial number in hexadecimal.',
});

export const TokenRefused = defineError('POSTERN_ENROLMENT_TOKEN_REFUSED', {
  meaning: 'An enrolment token is missing, unknown, expired, used, or for another client.',
  hint: 'Ask who runs the gateway for a new one (`postern ca token <name>`), and send it as the password of HTTP Basic; the user name is the client’s name or empty.',
  httpStatus: 401,
});

export const TokenLifetimeInvalid = defineError('POSTERN_ENROLMENT_TOKEN_LIFETIME_INVALID', {
  meaning: 'An enrolment token was asked for with a lifetime that cannot be given.',
  hint: 'Ask for 1 second to 7 days, such as 15m, 12h or 7d.',
});

export const TooManyTokens = defineError('POSTERN_ENROLMENT_TOO_MANY_TOKENS', {
  meaning: 'So many enrolment tokens wait for their clients that no more are made.',
  hint: 'Wait until some expire, or remove files from identity/tokens in the state directory.',
});

export const CertificateRequestRefused = defineError('POSTERN_CERTIFICATE_REQUEST_REFUSED', {
  meaning: 'A request for a certificate (PKCS#10) cannot be fulfilled as it is.',
  hint: 'Send one base64 PKCS#10, signed by a new key of the algorithm that was granted, without other names.',
  httpStatus: 400,
});

export const CertificateNotRenewable = defineError('POSTERN_CERTIFICATE_NOT_RENEWABLE', {
  meaning:
    'A certificate that was shown to be renewed was revoked, or this gateway did not issue it.',
  hint: 'Enrol anew with a token (`postern ca token <name>`); certificates of other authorities are renewed there.',
  httpStatus: 403,
});

export const EnrolmentBusy = defineError('POSTERN_ENROLMENT_BUSY', {
  meaning: 'So many requests for certificates wait that no more are taken.',
  hint: 'Try again in a few seconds.',
  httpStatus: 503,
});

export const EnrolmentAnswerInvalid = defineError('POSTERN_ENROLMENT_ANSWER_INVALID', {
  meaning: 'A gateway answered a request for a certificate with something else than was asked for.',
  hint: 'Do not use it. Ask who runs the gateway; its log tells what it issued.',
});

export const ClientFilesUnusable = defineError('POSTERN_CLIENT_FILES_UNUSABLE', {
  meaning: 'The files of a client identity are missing, do not fit together, or cannot be renewed.',
  hint: 'Name the right files; a client whose certificate or key is lost or has expired enrols anew with a token.',
});

export const Pkcs12Invalid = defineError('POSTERN_PKCS12_INVALID', {
  meaning: 'A file is no PKCS#12 container of a certificate and its private key, or is damaged.',
  hint: 'Check it with `openssl pkcs12 -info -noout -in <file>`; export certificate and key together, in one container.',
});

export const Pkcs12Locked = defineError('POSTERN_PKCS12_LOCKED', {
  meaning: 'A PKCS#12 container does not open with the passphrase that was given.',
  hint: 'Give its passphrase with --passphrase-file; the end of the line does not belong to it.',
});

export const Pkcs12Unsupported = defineError('POSTERN_PKCS12_UNSUPPORTED', {
  meaning:
    'A PKCS#12 container is encrypted or arranged in a way that Postern does not read, or its key is none for TLS 1.3.',
  hint: 'Use OpenSSL instead: `openssl pkcs12 -in <file> -nodes -nocerts -out <name>.key` (in a umask of 077) and `openssl pkcs12 -in <file> -nokeys -out <name>.crt`, with -legacy for old containers.',
});

export const SealingKeysUnusable = defineError('POSTERN_SEALING_KEYS_UNUSABLE', {
  meaning: 'The file of sealing keys is missing, or holds something else than keys of 32 bytes.',
  hint: 'Put one key a line, as `openssl rand -base64 32` makes them; remove sealing.keys from the state directory to have new ones made, which ends all sessions.',
});
