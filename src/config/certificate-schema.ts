import { z } from 'zod';
import { path } from './fields.ts';

/** A certificate and its key in files. */
export const certificateFiles = z.strictObject({
  certificate: path.describe('PEM file with the certificate, then its issuing authorities.'),
  key: path.describe('PEM file with its private key.'),
});
