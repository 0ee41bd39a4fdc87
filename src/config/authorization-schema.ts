import { z } from 'zod';
import { path, serverUrl } from './fields.ts';
import { foreignLinkProtection } from './link-schema.ts';
import { parsedText, Refusal } from './refusal.ts';
import { secretOr } from './secret.ts';

/** RFC 6749, appendix A: printable, on one line. */
const printable = z
  .string()
  .regex(/^[\x20-\x7e]+$/, { error: 'must be printable ASCII on one line' });

/** Kept as it is written, since that is how others compare it (RFC 8414, section 3.3). */
const writtenUrl = parsedText((text) => {
  const { data: url, success } = serverUrl.safeParse(text);
  return success && url !== undefined
    ? text
    : new Refusal('expected a URL that starts with https://');
});

const issuer = parsedText((text) => {
  const { success } = writtenUrl.safeParse(text);
  if (!success) return new Refusal('expected the https:// URL of an issuer');
  return text.includes('?') ? new Refusal('an issuer has no query') : text;
});

const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/, {
  error: 'scopes are words with one space between them',
});

/** How the gateway gets access tokens for a server (OAuth 2.1). */
export const authorization = z
  .strictObject({
    issuer: issuer
      .optional()
      .describe(
        'Authorization server, whose metadata tell its token endpoint (RFC 8414, OpenID Connect).',
      ),
    token_endpoint: serverUrl.optional().describe('Or the token endpoint itself.'),
    client_id: printable.describe('What the authorization server calls the gateway.'),
    client_secret: secretOr(printable)
      .optional()
      .describe(
        'Proves that: text, or where it is found. One of this, `client_key` and a certificate in `tls`.',
      ),
    client_key: path
      .optional()
      .describe(
        'Or PEM file with a private key (ML-DSA-65, ML-DSA-87, Ed25519, P-256, P-384), which signs an assertion each time (RFC 7523).',
      ),
    scope: scope.optional().describe('Scopes to ask for, with spaces between them.'),
    resource: z
      .union([z.literal('none'), writtenUrl])
      .optional()
      .describe(
        'For which resource a token is to be (RFC 8707), or `none`. Default: the server’s URL.',
      ),
    audience: printable
      .optional()
      .describe('Parameter `audience`, for authorization servers that want one.'),
    exchange_from: z
      .array(issuer)
      .min(1)
      .optional()
      .describe(
        'Issuers of callers’ tokens. With it each caller’s own token is exchanged for one that speaks for this caller (RFC 8693); whoever comes without one is denied. Default: the gateway speaks for itself.',
      ),
    tls: foreignLinkProtection,
  })
  .superRefine((value, context) => {
    const {
      issuer: known,
      token_endpoint: endpoint,
      client_secret: secret,
      client_key: key,
    } = value;
    const refuse = (message: string, ...at: string[]): void => {
      context.addIssue({ code: 'custom', path: at, message, params: { at: 'key' } });
    };
    if (known === undefined && endpoint === undefined) {
      refuse('has neither "issuer" nor "token_endpoint"');
    }
    if (known !== undefined && endpoint !== undefined) {
      refuse('has both "issuer" and "token_endpoint"');
    }
    if (secret !== undefined && key !== undefined) {
      refuse('has both "client_secret" and "client_key"; one proves who the client is');
    }
    if (secret === undefined && key === undefined && value.tls?.client_certificate === undefined) {
      refuse('has none of "client_secret", "client_key" and "tls.client_certificate"');
    }
    const isPlain = /^http:/i.test(known ?? '') || endpoint?.protocol === 'http:';
    if (isPlain && value.tls !== undefined) refuse('it is reached over plain http://', 'tls');
  })
  .optional()
  .describe(
    'How the gateway gets access tokens for the server; with none it has those of `headers` alone.',
  );

interface Remote {
  readonly authorization?: z.output<typeof authorization>;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** One header has one source. */
export function checkAuthorization(remote: Remote, context: z.RefinementCtx): void {
  const header = Object.keys(remote.headers).find((name) => name.toLowerCase() === 'authorization');
  if (remote.authorization === undefined || header === undefined) return;
  const message = 'the tokens of "authorization" go into this header';
  context.addIssue({ code: 'custom', path: ['headers', header], message, params: { at: 'key' } });
}

/** As written in postern.yaml, checked. */
export type AuthorizationOutput = NonNullable<z.output<typeof authorization>>;
