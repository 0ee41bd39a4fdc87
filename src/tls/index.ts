export { LinkUnreadable } from './errors.ts';
export { createFront } from './front.ts';
export { readIngressLink } from './ingress-link.ts';
export { refusalOf } from './refusal.ts';
export { serverTlsOptions } from './server-options.ts';
export type { ServerTls } from './server-options.ts';
export { rehearse } from './rehearsal.ts';
