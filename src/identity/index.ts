export {
  canProveChannel,
  CHANNEL_PROOF_HEADER,
  proveChannel,
  verifyChannelProof,
} from './channel-proof.ts';
export type { ProofCredential } from './channel-proof.ts';
export { issueClient } from './client.ts';
export type { ClientAlgorithm, IssuedClient } from './client.ts';
export { clientFilesIn, refuseClientFiles, writeClientFiles } from './client-files.ts';
export type { ClientFiles } from './client-files.ts';
export { clientAlgorithmOf, provingScheme } from './enrol/algorithms.ts';
export { certsOnly } from './enrol/certs-only.ts';
export { makeClientRequest } from './enrol/client-request.ts';
export { createToken } from './enrol/create-token.ts';
export { EnrolmentDesk } from './enrol/desk.ts';
export type { IssuedByRequest } from './enrol/desk.ts';
export { readHeldClient } from './enrol/held-client.ts';
export type { HeldClient } from './enrol/held-client.ts';
export { isIssuedBy } from './issued-by.ts';
export { certificatesIn, derOf } from './pem.ts';
export { pinnedRoot, readCerts, rootsPem } from './enrol/read-certs.ts';
export { replaceClientFiles } from './enrol/replace-files.ts';
export { ClientFilesUnusable, TokenRefused } from './errors.ts';
export { ensureIdentity, readAuthorities } from './identity.ts';
export type { GatewayIdentity, ServerCredential, WantedIdentity } from './identity.ts';
export { IdentityKeeper } from './keeper.ts';
export { openPkcs12 } from './pkcs12/open.ts';
export type { Pkcs12Content } from './pkcs12/open.ts';
export { writeCredential } from './pkcs12/write.ts';
export { principalOf, tokenPrincipal } from './principal.ts';
export type { Principal } from './principal.ts';
export { describePeer } from './peer.ts';
export type { RevocationReason } from './revocation/reasons.ts';
export { publishedDirOf, readPublished } from './revocation/published.ts';
export { RevocationList } from './revocation/revocation-list.ts';
export { revoke } from './revocation/revoke.ts';
export type { RevocationTarget } from './revocation/revoke.ts';
export {
  rehearseRotation,
  retirePreviousRoots,
  rotate,
  takeRootsOffline,
} from './rotation/change.ts';
export type { Rotation } from './rotation/change.ts';
export { describeSealingKeys, SealingKeys } from './sealing-keys.ts';
export { defaultStateDir, openStateDir } from './state-dir.ts';
export { ChannelProofInvalid } from './errors.ts';
export { identityStatus, listClients } from './status.ts';
export type { AuthorityStatus, ClientCertificate, IdentityStatus } from './status.ts';
