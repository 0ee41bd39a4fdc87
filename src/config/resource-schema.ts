import { allTokenAlgorithms } from '#crypto';
import { z } from 'zod';
import { path, serverUrl, settingName } from './fields.ts';
import { parsedText, Refusal } from './refusal.ts';
import { foreignLinkProtection } from './link-schema.ts';

const ALGORITHMS = allTokenAlgorithms().map(({ name }) => name);

/** Principals are `issuer:name`, and a SPIFFE id begins with `spiffe:`. */
const issuerName = settingName.refine((name) => name !== 'spiffe', {
  error: 'names by this issuer would look like SPIFFE ids; call it otherwise',
});

/** An issuer identifier is compared as it is written, so it stays text (RFC 8414 §2). */
const issuerUrl = z
  .string()
  .max(1024)
  .superRefine((text, context) => {
    const read = serverUrl.safeParse(text);
    const message = text.includes('?')
      ? 'an issuer has no query ("?…")'
      : read.error?.issues[0]?.message;
    if (message !== undefined) context.addIssue({ code: 'custom', message, input: text });
  });

/** Scheme and authority under which clients reach the listener, without a slash at the end. */
const resourceBase = parsedText((text) => {
  const url = serverUrl.safeParse(text);
  if (!url.success) return new Refusal(url.error.issues[0]?.message ?? 'expected a URL');
  const { origin, pathname, search } = url.data;
  if (pathname === '/' && search === '') return origin;
  return new Refusal('expected a URL without a path, such as https://mcp.example.com', origin);
});

const issuer = z
  .strictObject({
    name: issuerName.describe(
      'Short name; principals are called name:subject, in policy and in the record.',
    ),
    issuer: issuerUrl.describe(
      'Its issuer identifier, exactly as tokens have it in `iss`; https://, or http:// on this machine.',
    ),
    audiences: z
      .array(z.string().min(1).max(1024))
      .min(1)
      .max(16)
      .optional()
      .describe(
        'What `aud` of its tokens may be. Default: the endpoint that is called, or the whole listener, by their resource identifiers.',
      ),
    jwks: serverUrl
      .optional()
      .describe('Where its keys are. Default: what its metadata says (RFC 8414, OpenID Connect).'),
    jwks_file: path.optional().describe('File with its keys instead; read at the start.'),
    algorithms: z
      .array(z.enum(ALGORITHMS))
      .min(1)
      .optional()
      .describe('What it may sign tokens with. Default: all asymmetric ones.'),
    principal_claim: z
      .string()
      .regex(/^[\x21-\x7e]{1,128}$/, { error: 'the name of a claim is printable ASCII' })
      .default('sub')
      .describe('The claim that names the principal.'),
    binding: z
      .enum(['none', 'any', 'dpop', 'certificate'])
      .default('none')
      .describe(
        'What has to bind a token to its sender: a DPoP key (RFC 9449), the client certificate (RFC 8705), `any` of them, or nothing. A binding that a token has is always checked.',
      ),
    tls: foreignLinkProtection,
  })
  .superRefine(({ jwks, jwks_file: file }, context) => {
    if (jwks === undefined || file === undefined) return;
    const message = 'the keys come from "jwks" or from "jwks_file", not from both';
    context.addIssue({ code: 'custom', path: ['jwks_file'], message, params: { at: 'key' } });
  })
  .superRefine(({ issuer: url, jwks, tls }, context) => {
    if (tls === undefined || (jwks?.href ?? url).startsWith('https:')) return;
    const message = 'this issuer is reached over plain http://, without TLS';
    context.addIssue({ code: 'custom', path: ['tls'], message, params: { at: 'key' } });
  });

/** That a listener takes access tokens. */
export const authorization = z
  .strictObject({
    tokens: z
      .enum(['required', 'optional'])
      .default('required')
      .describe(
        'Whether callers without a client certificate need a token; where it is optional they are `anonymous`.',
      ),
    resource: resourceBase
      .optional()
      .describe(
        'URL under which clients reach the listener, without a path. Default: https://, the first of server_names or else the address, and the port.',
      ),
    issuers: z
      .array(issuer)
      .min(1)
      .max(16)
      .describe('Authorization servers whose access tokens are taken.'),
    scopes_supported: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
      .max(64)
      .optional()
      .describe('Scopes that clients should ask for at first, in the resource metadata.'),
  })
  .superRefine(({ issuers }, context) => {
    for (const key of ['name', 'issuer'] as const) {
      const seen = new Set<string>();
      for (const [index, { [key]: value }] of issuers.entries()) {
        if (seen.has(value)) {
          const message = `another issuer has the same ${key === 'name' ? 'name' : 'identifier'}`;
          context.addIssue({
            code: 'custom',
            path: ['issuers', index, key],
            message,
            input: value,
          });
        }
        seen.add(value);
      }
    }
  });

/** The section as written, checked. */
export type ResourceOutput = z.output<typeof authorization>;
