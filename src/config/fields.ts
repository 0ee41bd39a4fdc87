/** The kinds of text that settings are made of. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { isLoopback, parseAddress, parseHost } from './address.ts';
import { parsedText, Refusal } from './refusal.ts';

/** Name of a listener or server; it shows up in URLs, records and policy. */
export const settingName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
  error:
    'a name has lower-case letters, digits, "-" and "_", at most 64, and starts with a letter or digit',
});

/** `host:port`. */
export const address = parsedText(parseAddress, 'expected host:port, such as 127.0.0.1:7443');

/** DNS name or IP address. */
export const hostName = parsedText(parseHost);

/** DNS name, for the server name indication of TLS, which has no IP addresses (RFC 6066 §3). */
export const dnsName = parsedText((text) =>
  isIP(text) === 0 ? parseHost(text) : new Refusal('expected a DNS name, not an IP address'),
);

/** Path of a file or directory; relative ones start at the directory of the file they stand in. */
export const path = parsedText((text) => {
  if (text === '') return new Refusal('must not be empty');
  if (text.includes('\0')) return new Refusal('must not contain a NUL character');
  // A directory named "~" would be created without a word.
  if (/^~(?:\/|$)/.test(text)) return new Refusal('"~" is not expanded; write the whole path');
  return text;
});

/** Text for a child process, where only NUL is impossible. */
export const processText = z.string().refine((text) => !text.includes('\0'), {
  error: 'must not contain a NUL character',
});

/** Name of an environment variable. */
export const variableName = z.string().regex(/^[^=\0]+$/, {
  error: 'a variable’s name is not empty and has no "="',
});

/** SPIFFE trust domain (SPIFFE-ID §2.1). */
export const trustDomain = parsedText((text) => {
  if (/^[a-z0-9._-]{1,255}$/.test(text)) return text;
  const lower = text.toLowerCase();
  return new Refusal(
    'a trust domain has lower-case letters, digits, ".", "-" and "_"',
    /^[a-z0-9._-]{1,255}$/.test(lower) ? lower : undefined,
  );
});

/** Value of a browser's `Origin` header (RFC 6454 §6.2). */
export const origin = parsedText((text) => {
  if (text === '*' || text === 'null') {
    return new Refusal('each origin must be named; "*" and "null" are not allowed');
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+\/?$/i.test(text) || !URL.canParse(text)) {
    return new Refusal('expected scheme://host or scheme://host:port', originOf(text));
  }
  const exact = originOf(text) ?? text;
  return exact === text ? text : new Refusal('browsers write this origin differently', exact);
});

/** URL of an upstream server: https, or plain http on this machine alone. */
export const serverUrl = parsedText((text): URL | Refusal => {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\//i.test(text)) {
    return new Refusal('expected a URL that starts with https://', withScheme(text));
  }
  if (url.username !== '' || url.password !== '') {
    return new Refusal('credentials are not allowed in the URL; put them into headers');
  }
  if (text.includes('#')) return new Refusal('a fragment ("#…") is not allowed in the URL');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'http:' && !isLoopback(host)) {
    return new Refusal(
      'plain http:// is allowed to this machine only',
      text.replace(/^http:/i, 'https:'),
    );
  }
  return url;
});

/** The origin in a longer URL, as browsers send it; `undefined` where they have their own rules. */
function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  return url === null || url.origin === 'null' ? undefined : url.origin;
}

function withScheme(text: string): string | undefined {
  return /^[\w.-]+(?::\d+)?(?:\/\S*)?$/.test(text) ? `https://${text}` : undefined;
}
