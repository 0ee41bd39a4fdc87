export { NothingAllowed, RuntimeTooOld, UnknownAlgorithm } from './errors.ts';
export { allGroups, groupById, groupByName } from './groups.ts';
export type { Group } from './groups.ts';
export { describeLink, isQuantumSafe } from './link.ts';
export type { LinkSecurity, PeerCertificate, PipeLink, PlainLink, TlsLink } from './link.ts';
export { algorithmNames, narrowProfile, parseAllowedAlgorithms } from './narrow.ts';
export type { AllowedAlgorithms } from './narrow.ts';
export {
  allProfiles,
  DEFAULT_PROFILE,
  groupsOf,
  profileByName,
  quantumSafeOnly,
} from './profiles.ts';
export type { Profile } from './profiles.ts';
export { assertRuntime, probeRuntime } from './runtime.ts';
export type { RuntimeAlgorithms } from './runtime.ts';
export { allSignatureSchemes, signatureByName, signatureOfKey } from './signatures.ts';
export type { SignatureScheme } from './signatures.ts';
export { tlsOptionsOf } from './tls-options.ts';
export type { ProfileTlsOptions } from './tls-options.ts';
