export { issueClient } from './client.ts';
export type { ClientAlgorithm, IssuedClient } from './client.ts';
export { writeClientFiles } from './client-files.ts';
export { ensureIdentity } from './identity.ts';
export type { GatewayIdentity, ServerCredential } from './identity.ts';
export { principalOf } from './principal.ts';
export type { Principal } from './principal.ts';
export { describePeer } from './peer.ts';
export { defaultStateDir, openStateDir } from './state-dir.ts';
