export { Gateway } from './gateway.ts';
export type { ListenerStatus, OpenListener } from './gateway-parts.ts';
export type { Target } from './routes.ts';
export type { ListenerCertificates, ListenerFiles, TlsConfiguration } from './tls-state.ts';
