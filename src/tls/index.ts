export { LinkUnreadable } from './errors.ts';
export { createFront } from './front.ts';
export type { Admission } from './front.ts';
export { readIngressLink } from './ingress-link.ts';
export type { HandshakeStart } from './ingress-link.ts';
export { refusalOf } from './refusal.ts';
export { rehearse } from './rehearsal.ts';
export { serverTlsOptions } from './server-options.ts';
export type { ServerTls } from './server-options.ts';
