export { Gateway } from './gateway.ts';
export type { ListenerStatus, OpenListener } from './gateway.ts';
export type { ListenerCertificates, ListenerFiles, TlsConfiguration } from './tls-state.ts';
