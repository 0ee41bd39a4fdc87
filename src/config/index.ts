export { formatAddress, isLoopback, parseAddress } from './address.ts';
export type { Address } from './address.ts';
export { Refusal } from './refusal.ts';
export { effectiveSettings } from './effective.ts';
export type { EffectiveSetting } from './effective.ts';
export { configInvalid } from './errors.ts';
export { limitKey } from './limits-schema.ts';
export { defaultSettingsFor, loadConfigFile, readConfig } from './load.ts';
export { schemeOf } from './scheme.ts';
export { describeSource } from './secret.ts';
export type { SecretSource } from './secret.ts';
export { configSchema } from './schema.ts';
export type {
  AuthorizationSettings,
  ResourceSettings,
  HttpSettings,
  IssuerSettings,
  CertificateFiles,
  FederationSettings,
  ListenerSettings,
  SecondProof,
  ServerSettings,
  Settings,
  StdioSettings,
  ToolSetSettings,
} from './settings.ts';
