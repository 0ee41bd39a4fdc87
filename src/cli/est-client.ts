/** The client's side of EST (RFC 7030), over links with quantum-safe key exchange alone. */
import { Agent, request } from 'undici';
import type { Profile, SignatureScheme } from '#crypto';
import { DEFAULT_PROFILE, profileByName, quantumSafeOnly, tlsOptionsOf } from '#crypto';
import { messageOf } from '#lib';
import { EnrolmentFailed, GatewayUnreachable, GatewayUntrusted } from './errors.ts';

/** How to link to a gateway. */
export interface EstTrust {
  /** PEM of the roots of which one must be above the gateway's certificate. */
  readonly caPem: string;
  /** With what the gateway has to prove itself; with whatever the profile has when absent. */
  readonly proof?: SignatureScheme;
  readonly credential?: { readonly keyPem: string; readonly chainPem: string };
}

/** A verified link to a gateway. What it answers is DER. */
export interface EstClient {
  cacerts(): Promise<Buffer>;
  /** First certificate, for a token. */
  simpleenroll(request: Buffer, user: string, token: string): Promise<Buffer>;
  /** Next certificate, for the one that the link was made with. */
  simplereenroll(request: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** A link over which nothing is sent unless the gateway's certificate and name verify. */
export function openEst(origin: string, { caPem, proof, credential }: EstTrust): EstClient {
  const agent = agentWith(proof, {
    ca: caPem,
    ...(credential === undefined ? {} : { key: credential.keyPem, cert: credential.chainPem }),
  });
  const post = (path: string, body: Buffer, headers: Record<string, string>): Promise<Buffer> =>
    send(agent, origin, path, {
      method: 'POST',
      headers: { 'content-type': 'application/pkcs10', ...headers },
      body: body.toString('base64'),
    });
  return {
    cacerts: () => send(agent, origin, 'cacerts', { method: 'GET' }),
    simpleenroll: (body, user, token) => {
      const basic = Buffer.from(`${user}:${token}`).toString('base64');
      return post('simpleenroll', body, { authorization: `Basic ${basic}` });
    },
    simplereenroll: (body) => post('simplereenroll', body, {}),
    close: () => agent.destroy(),
  };
}

/**
 * What a gateway says that its CA certificates are, over a link that is not verified: good for
 * finding the one whose fingerprint is known (RFC 7030 §4.1.1), and nothing else is sent over it.
 */
export async function unverifiedCaCerts(origin: string, proof: SignatureScheme): Promise<Buffer> {
  const agent = agentWith(proof, { rejectUnauthorized: false });
  try {
    return await send(agent, origin, 'cacerts', { method: 'GET' });
  } finally {
    await agent.destroy();
  }
}

function agentWith(proof: SignatureScheme | undefined, options: object): Agent {
  const profile = quantumSafeOnly(defaultProfile());
  const narrowed = proof === undefined ? profile : { ...profile, signatures: [proof] };
  return new Agent({
    connect: { ...tlsOptionsOf(narrowed), timeout: CONNECT_TIMEOUT_MS, ...options },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
    allowH2: false,
  });
}

function defaultProfile(): Profile {
  const profile = profileByName(DEFAULT_PROFILE);
  if (profile === undefined) throw new Error(`there is no profile ${DEFAULT_PROFILE}`);
  return profile;
}

async function send(
  dispatcher: Agent,
  origin: string,
  path: string,
  options: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: string },
): Promise<Buffer> {
  const { statusCode, text } = await exchange(dispatcher, origin, path, options);
  if (statusCode === 200) return Buffer.from(text, 'base64');
  throw new EnrolmentFailed(`the gateway answered ${statusCode}: ${printable(text)}`, {
    details: { status: statusCode },
  });
}

async function exchange(
  dispatcher: Agent,
  origin: string,
  path: string,
  options: object,
): Promise<{ statusCode: number; text: string }> {
  try {
    const url = `${origin}/.well-known/est/${path}`;
    const { statusCode, body } = await request(url, { ...options, dispatcher });
    return { statusCode, text: await body.text() };
  } catch (cause) {
    const message = `${origin}: ${messageOf(cause)}`;
    if (isCertificateFailure(cause)) throw new GatewayUntrusted(message, { cause });
    throw new GatewayUnreachable(message, { cause });
  }
}

/** OpenSSL's verification failures and Node's own, by their codes. */
function isCertificateFailure(thrown: unknown): boolean {
  const code = String(Object(thrown).code ?? '');
  return /^(ERR_TLS_CERT|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_|PATH_)/.test(code);
}

/** The first line of what a stranger wrote, as far as a terminal can take it. */
function printable(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, '').slice(0, 300);
}
