import { certsOnly } from '#identity';
import type { PosternError } from '#lib';
import type { ResponseHeaders } from '#transport';

/** What goes back to a client that enrols. */
export interface EstAnswer {
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/** Certificates (RFC 7030 §4.1.3, §4.2.3), in base64 with lines as MIME has them. */
export function certificateAnswer(certificates: readonly Uint8Array[]): EstAnswer {
  const lines = certsOnly(certificates).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  return {
    headers: {
      'content-type': 'application/pkcs7-mime; smime-type=certs-only',
      'content-transfer-encoding': 'base64',
    },
    body: Buffer.from(`${lines}\r\n`),
  };
}

/** A failure in words, for people (RFC 7030 §4.2.3). */
export function refusalAnswer(error: PosternError): EstAnswer {
  const { httpStatus, details } = error;
  return {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      ...(httpStatus === 401 ? { 'www-authenticate': 'Basic realm="enrolment"' } : {}),
      ...(httpStatus === 405 ? { allow: String(details['allow']) } : {}),
    },
    body: Buffer.from(textOf(error)),
  };
}

function textOf({ httpStatus, message, hint, code }: PosternError): string {
  // What failed inside is for the log.
  if (httpStatus === 500) return `the gateway failed; its log tells why\n${code}\n`;
  return `${message}\n${hint}\n${code}\n`;
}
