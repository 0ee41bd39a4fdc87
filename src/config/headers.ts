import { z } from 'zod';
import { secretOr } from './secret.ts';

/** Headers that belong to the transport or to the gateway itself, which sets them on each request. */
const RESERVED: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'origin',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'this is no name of an HTTP header' })
  .refine((name) => !isReserved(name), { error: 'Postern sets this header itself' });

/** RFC 9110 §5.5, without the obsolete bytes above ASCII. */
const headerValue = z
  .string()
  .regex(/^[\x20-\x7e\t]*$/, { error: 'must be printable ASCII on one line' })
  .refine((value) => !/\$\{[^}]*\}/.test(value), {
    error: '"${…}" is not substituted; write { env: NAME } for a variable',
  });

/** Headers that go with each request to an upstream server; their values are secrets. */
export const headers = z.record(headerName, secretOr(headerValue)).superRefine((value, context) => {
  const seen = new Set<string>();
  for (const name of Object.keys(value)) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) {
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'this header occurs twice; letter case makes no difference',
        params: { at: 'key' },
        input: name,
      });
    }
    seen.add(lower);
  }
});

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || lower.startsWith('mcp-') || lower.startsWith('postern-');
}
