export {
  canProveChannel,
  CHANNEL_PROOF_HEADER,
  proveChannel,
  verifyChannelProof,
} from './channel-proof.ts';
export type { ProofCredential } from './channel-proof.ts';
export { issueClient } from './client.ts';
export type { ClientAlgorithm, IssuedClient } from './client.ts';
export { writeClientFiles } from './client-files.ts';
export { ensureIdentity, readAuthorities } from './identity.ts';
export type { GatewayIdentity, ServerCredential, WantedIdentity } from './identity.ts';
export { IdentityKeeper } from './keeper.ts';
export { principalOf } from './principal.ts';
export type { Principal } from './principal.ts';
export { describePeer } from './peer.ts';
export { defaultStateDir, openStateDir } from './state-dir.ts';
export { ChannelProofInvalid } from './errors.ts';
