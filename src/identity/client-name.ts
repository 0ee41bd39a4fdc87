import { ClientNameInvalid } from './errors.ts';

const CLIENT_NAME = /^[a-z0-9]([a-z0-9._-]{0,62})$/;

// `anonymous` is who shows no certificate, `gateway` is the gateway, and the files of a client named
// `ca` would clash with the CA bundle beside them.
const RESERVED: ReadonlySet<string> = new Set(['anonymous', 'gateway', 'ca']);

/** Whether a client may have this name. It serves as SPIFFE path segment, common name and file name. */
export function isClientName(name: string): boolean {
  return CLIENT_NAME.test(name) && !RESERVED.has(name);
}

/**
 * Checks a client name and returns it.
 *
 * @throws ClientNameInvalid
 */
export function parseClientName(name: string): string {
  if (isClientName(name)) return name;
  const reason = RESERVED.has(name) ? 'reserved' : 'malformed';
  throw new ClientNameInvalid(`client name is ${reason}`, {
    details: { name: name.slice(0, 80) },
  });
}
