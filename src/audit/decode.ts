import { z } from 'zod';
import { parseJson } from '#lib';
import type { CallEntry } from './entry.ts';

const link = z.record(z.string(), z.unknown());
const count = z.number().nonnegative();

const callEntry = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  time: z.string(),
  duration_ms: count,
  listener: z.string(),
  client: z.strictObject({
    principal: z.string().nullable(),
    spiffe_id: z.string().nullable(),
    certificate_sha256: z.string().nullable(),
    token: z
      .strictObject({
        issuer: z.string(),
        subject: z.string(),
        client_id: z.string().nullable(),
        binding: z.enum(['none', 'dpop', 'certificate']),
        id: z.string(),
        algorithm: z.string(),
        quantum_safe: z.boolean(),
      })
      .exactOptional(),
    source: z.string(),
    link,
  }),
  mcp: z.strictObject({
    server: z.string().nullable(),
    revision: z.string().nullable(),
    era: z.enum(['stateful', 'stateless']).nullable(),
    via: z.string().exactOptional(),
    session: z.string().nullable(),
    kind: z.enum([
      'request',
      'notification',
      'response',
      'stream',
      'session_end',
      'server_request',
      'replayed',
    ]),
    method: z.string().nullable(),
    rpc_id: z.union([z.string(), z.number()]).nullable(),
    tool: z.string().exactOptional(),
    resource: z.string().exactOptional(),
    prompt: z.string().exactOptional(),
  }),
  decision: z.strictObject({
    effect: z.enum(['allow', 'deny']),
    rules: z.array(z.string()),
    policy: z.string().nullable(),
    reason: z.string().nullable(),
  }),
  upstream: z
    .strictObject({
      kind: z.enum(['stdio', 'http', 'sse']),
      revision: z.string(),
      era: z.enum(['stateful', 'stateless']),
      link: link.nullable(),
    })
    .nullable(),
  digests: z.strictObject({ request: z.string().nullable(), result: z.string().nullable() }),
  bytes: z.strictObject({ request: count, response: count }),
  outcome: z.strictObject({
    status: z.enum([
      'ok',
      'rpc_error',
      'tool_error',
      'denied',
      'failed',
      'cancelled',
      'undelivered',
    ]),
    code: z.union([z.string(), z.number()]).exactOptional(),
    http_status: z.number().nullable(),
  }),
}) satisfies z.ZodType<CallEntry>;

/** Reads one line of the record (without its line feed), `undefined` when it is no entry. */
export function decodeEntry(line: Buffer): CallEntry | undefined {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
  return callEntry.safeParse(value).data;
}
