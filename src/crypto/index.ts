export { CALENDARS, standingAt } from './calendars.ts';
export type { Calendar, Standing, Status } from './calendars.ts';
export { allCiphers } from './ciphers.ts';
export type { Cipher } from './ciphers.ts';
export { NothingAllowed, ProfileInvalid, RuntimeTooOld, UnknownAlgorithm } from './errors.ts';
export { allGroups, groupById } from './groups.ts';
export type { Group } from './groups.ts';
export { describeLink, downgradesOf, isQuantumSafe, linkClass } from './link.ts';
export type {
  ClientOffer,
  Downgrade,
  LinkSecurity,
  PeerCertificate,
  PipeLink,
  PlainLink,
  TlsLink,
} from './link.ts';
export { algorithmNames, narrowProfile, parseAllowedAlgorithms } from './narrow.ts';
export type { AllowedAlgorithms } from './narrow.ts';
export {
  allProfiles,
  DEFAULT_PROFILE,
  groupsOf,
  makeProfile,
  profileByName,
  quantumSafeOnly,
} from './profiles.ts';
export type { Profile, ProfileParts } from './profiles.ts';
export {
  algorithmNamed,
  allAlgorithms,
  cipherByName,
  groupByName,
  isStandardName,
  signatureByName,
} from './registry.ts';
export type { RegistryRow } from './registry.ts';
export { assertRuntime, probeRuntime } from './runtime.ts';
export type { RuntimeAlgorithms } from './runtime.ts';
export { createSealer, SEALING_KEY_BYTES } from './sealer.ts';
export type { Sealer } from './sealer.ts';
export { allSignatureSchemes, signatureById, signatureOfKey } from './signatures.ts';
export type { SignatureScheme } from './signatures.ts';
export { tlsOptionsOf } from './tls-options.ts';
export { signToken } from './token-signing.ts';
export type { ProfileTlsOptions } from './tls-options.ts';
export {
  allTokenAlgorithms,
  tokenAlgorithmByName,
  verifyTokenSignature,
} from './token-signatures.ts';
export type { TokenAlgorithm } from './token-signatures.ts';
