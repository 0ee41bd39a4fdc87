export { Gateway } from './gateway.ts';
export type { ListenerStatus, OpenListener } from './gateway.ts';
export type { ListenerFiles } from './tls-control.ts';
