import type { ClientOffer } from '#crypto';
import type { ClientHello } from './client-hello/hello.ts';
import { ja4 } from './ja4.ts';

/** What a client offered, as it stays with the link. */
export function offerOf(hello: ClientHello): ClientOffer {
  let fingerprint: string | undefined;
  return {
    // Made when somebody asks: many connections end without a call that would be recorded.
    get ja4() {
      fingerprint ??= ja4(hello);
      return fingerprint;
    },
    versions: hello.supportedVersions,
    groups: hello.supportedGroups,
    signatures: hello.signatureAlgorithms,
  };
}
