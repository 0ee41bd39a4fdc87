import { DEFAULT_PROFILE } from '#crypto';
import { z } from 'zod';
import { certificateFiles } from './certificate-schema.ts';
import { dnsName, path } from './fields.ts';
import { profileName } from './profile.ts';

const pin = z.string().regex(/^sha256\/[A-Za-z0-9+/]{43}=$/, {
  error: 'a pin is sha256/ and 44 characters of base64; `postern check --connect` shows them',
});

const container = z.strictObject({
  pkcs12: path.describe('PKCS#12 file with a certificate and its private key.'),
  passphrase_file: path.describe('File whose only line is the passphrase of the PKCS#12 file.'),
});

const link = z.strictObject({
  profile: profileName
    .prefault(DEFAULT_PROFILE)
    .describe('Algorithms that the link to the server may use, preferred first.'),
  ca: path
    .optional()
    .describe(
      'PEM file with the authorities to trust, or `system` for those of the machine. Default: those of Node.js.',
    ),
  crl: path
    .optional()
    .describe(
      'PEM file with revocation lists. With it a link needs a current list of every authority of the server’s chain.',
    ),
  pins: z
    .array(pin)
    .default([])
    .describe(
      'Keys of which the server’s chain must have one, as sha256/ and base64; beside the authorities, not in their place.',
    ),
  client_certificate: z
    .union([z.literal('gateway'), certificateFiles, container])
    .optional()
    .describe('Shown to a server that asks for one; `gateway` is the gateway’s own.'),
  second_certificate: certificateFiles
    .optional()
    .describe(
      'ECDSA or Ed25519 certificate of the same name, with which each link is proven a second time to a Postern that asks for it (`second_proof`).',
    ),
  server_name: dnsName
    .optional()
    .describe('Name to ask for and to check in the certificate. Default: the URL’s host.'),
});

const ABOUT = 'How the link is protected; https:// only.';

/** How the gateway protects a link to an MCP server. */
export const linkProtection = link.optional().describe(ABOUT);

/** How it protects one to somebody who is no Postern. */
export const foreignLinkProtection = link
  .omit({ second_certificate: true })
  .optional()
  .describe(ABOUT);
