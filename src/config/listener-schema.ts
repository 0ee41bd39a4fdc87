import { DEFAULT_PROFILE } from '#crypto';
import { OLDEST_REVISION, REVISION_NAMES } from '#mcp';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import { authorization } from './resource-schema.ts';
import { certificateFiles } from './certificate-schema.ts';
import { address, hostName, origin, path, settingName } from './fields.ts';
import { profileName } from './profile.ts';

const listenerTls = z
  .strictObject({
    profile: profileName
      .prefault(DEFAULT_PROFILE)
      .describe('Algorithms that clients’ links may use, preferred first.'),
    client_certificates: z
      .enum(['none', 'optional', 'required'])
      .default('optional')
      .describe('Whether clients are asked for a certificate, and whether they must have one.'),
    certificates: z
      .array(certificateFiles)
      .default([])
      .describe(
        'Certificates of your own instead of the gateway’s, for instance an ML-DSA and an ECDSA one. Followed when the files change.',
      ),
    client_ca: path
      .optional()
      .describe(
        'PEM file with authorities of client certificates, besides the gateway’s own. They are believed on every name of the trust domain, also on those of the gateway’s own clients.',
      ),
    client_ca_names: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Names that clients of `client_ca` may have, such as partner-*; `*` stands for any run of characters.',
      ),
    client_crl: path
      .optional()
      .describe(
        'PEM file with revocation lists for client certificates. With it OpenSSL wants a current list of every authority in a client’s chain; the gateway’s own are added.',
      ),
    second_proof: z
      .enum(['off', 'optional', 'required'])
      .default('off')
      .describe(
        'Whether clients may or must prove their name a second time, with an ECDSA or Ed25519 certificate: two independent proofs on one channel (RFC 9266).',
      ),
  })
  .superRefine(({ client_ca: foreign, client_ca_names: names }, context) => {
    if (foreign === undefined || names.length > 0) return;
    const message = 'client_ca needs client_ca_names: the clients that its authorities may name';
    context.addIssue({ code: 'custom', path: ['client_ca'], message, input: foreign });
  })
  .superRefine(({ client_certificates: asked, second_proof: second }, context) => {
    if (second !== 'required' || asked === 'required') return;
    const message = 'a second proof can be required only where client_certificates is "required"';
    context.addIssue({ code: 'custom', path: ['second_proof'], message, input: second });
  });

/** Where clients connect. */
export const listener = z
  .strictObject({
    name: settingName.describe('Name of the listener, in the log and in records.'),
    address: address.describe('host:port, IPv6 as [::1]:7443. Port 0 takes any free port.'),
    tls: z
      .union([z.literal('off'), listenerTls])
      .prefault({})
      .describe('How clients’ links are protected. `off` on a loopback address only.'),
    server_names: z
      .array(hostName)
      .prefault([])
      .describe(
        'Further DNS names and IP addresses of the gateway: in its certificate and as Host.',
      ),
    allowed_origins: z
      .array(origin)
      .prefault([])
      .describe('Origins of web pages that may call, such as https://app.example.com.'),
    authorization: authorization
      .optional()
      .describe(
        'That clients may or must show OAuth access tokens. Default: client certificates alone.',
      ),
    min_revision: z
      .enum(REVISION_NAMES)
      .default(OLDEST_REVISION.name)
      .describe('Oldest revision of MCP that clients may use; older ones are refused.'),
    legacy_sse: z
      .enum(['on', 'off'])
      .optional()
      .describe(
        'Whether clients may use the older transport HTTP+SSE too, at /servers/<name>/sse. It is of 2024-11-05. Default: on, with a later min_revision off.',
      ),
  })
  .superRefine((value, context) => {
    if (value.tls !== 'off' || isLoopback(value.address.host)) return;
    const message = 'TLS can be off on a loopback address only, such as 127.0.0.1';
    context.addIssue({ code: 'custom', path: ['tls'], message, input: 'off' });
  })
  .superRefine(({ address: { host }, server_names: names, authorization: tokens }, context) => {
    if (tokens === undefined || tokens.resource !== undefined || names.length > 0) return;
    if (host !== '0.0.0.0' && host !== '::') return;
    const message =
      'needs "resource", or server_names on the listener: tokens are for a name, and it listens on every address';
    context.addIssue({ code: 'custom', path: ['authorization'], message, params: { at: 'key' } });
  })
  .superRefine(({ legacy_sse: sse, min_revision: oldest }, context) => {
    if (sse !== 'on' || oldest === OLDEST_REVISION.name) return;
    const message = `HTTP+SSE is of ${OLDEST_REVISION.name}, and min_revision refuses what is older than ${oldest}: set this to off, or min_revision to ${OLDEST_REVISION.name}`;
    context.addIssue({ code: 'custom', path: ['legacy_sse'], message, input: sse });
  });
