import type { IssuerSettings } from '#config';
import { messageOf } from '#lib';
import type { FetchDocument } from '#transport';
import { IssuerMetadataInvalid } from './errors.ts';

type Issuer = Pick<IssuerSettings, 'issuer' | 'keys'>;

/** What an issuer publishes: where its keys are, and the keys. */
export class IssuerDocuments {
  readonly #issuer: Issuer;
  readonly #fetch: FetchDocument;
  /** As the metadata said last, `null` when it has to be asked. */
  #jwks: URL | null = null;

  constructor(issuer: Issuer, fetch: FetchDocument) {
    this.#issuer = issuer;
    this.#fetch = fetch;
  }

  /**
   * The issuer's JSON Web Key Set as it is by now.
   *
   * @throws IssuerMetadataInvalid, and what fetching a document throws.
   */
  async keys(signal: AbortSignal): Promise<Buffer> {
    const { keys, issuer } = this.#issuer;
    const configured = keys.kind === 'fetched' ? keys.url : null;
    const url = configured ?? this.#jwks ?? (await this.#discover(signal));
    // Should it fail, the keys may have moved.
    this.#jwks = null;
    const found = configured === null ? { configured: new URL(issuer) } : {};
    const { value } = await this.#fetch({ url, ...found, signal });
    this.#jwks = url;
    return Buffer.from(JSON.stringify(value));
  }

  /** Where the keys are, by the first metadata document that there is. */
  async #discover(signal: AbortSignal): Promise<URL> {
    const failures: string[] = [];
    for (const url of metadataUrls(this.#issuer.issuer)) {
      try {
        const { value } = await this.#fetch({ url, signal });
        return jwksOf(value, this.#issuer.issuer);
      } catch (thrown) {
        if (signal.aborted || thrown instanceof IssuerMetadataInvalid) throw thrown;
        failures.push(messageOf(thrown));
      }
    }
    throw new IssuerMetadataInvalid(`it has no metadata: ${failures.join('; ')}`);
  }
}

/** In the order in which clients look, too (MCP, "Authorization Server Metadata Discovery"). */
function metadataUrls(issuer: string): readonly URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const places = [
    `/.well-known/oauth-authorization-server${path}`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ];
  return [...new Set(places)].map((place) => new URL(place, origin));
}

/**
 * Another issuer's metadata could lead to keys of its own (RFC 8414 §3.3).
 *
 * @throws IssuerMetadataInvalid
 */
function jwksOf(metadata: Readonly<Record<string, unknown>>, issuer: string): URL {
  if (metadata['issuer'] !== issuer) {
    throw new IssuerMetadataInvalid('its metadata names another issuer', {
      details: { expected: issuer },
    });
  }
  const text = metadata['jwks_uri'];
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null || url.protocol !== new URL(issuer).protocol) {
    throw new IssuerMetadataInvalid('its metadata names no jwks_uri with https:');
  }
  return url;
}
