export { Gateway } from './gateway.ts';
export type { ListenerStatus, OpenListener } from './gateway.ts';
export type { ListenerFiles, TlsConfiguration } from './tls-state.ts';
