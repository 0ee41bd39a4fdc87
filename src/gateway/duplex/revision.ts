import type { NotificationFrame, RequestFrame, Revision } from '#mcp';
import {
  META_PROTOCOL_VERSION,
  metaOf,
  REVISION_NAMES,
  revisionByName,
  RevisionUnsupported,
} from '#mcp';
import { RequestRefused } from '../errors.ts';

/** The eras that a transport has: HTTP+SSE is of the stateful one, stdio has been in all. */
export type Eras = 'stateful' | 'both';

/**
 * The revision that a message is in: without headers its `_meta` says so, and where that is silent, the
 * session that it belongs to.
 *
 * @param own revision of that session.
 * @throws RevisionUnsupported, RequestRefused
 */
export function revisionOf(
  { params }: RequestFrame | NotificationFrame,
  own: Revision,
  eras: Eras,
): Revision {
  const declared = metaOf(params)[META_PROTOCOL_VERSION];
  if (declared === undefined || declared === own.name) return own;
  const revision = typeof declared === 'string' ? revisionByName(declared) : undefined;
  if (revision?.era === 'stateless') {
    if (eras === 'both') return revision;
    // No such thing as an unsupported revision: clients would then not fall back to `initialize`.
    throw new RequestRefused('HTTP+SSE has sessions alone; begin with initialize');
  }
  throw new RevisionUnsupported('protocol revision is not supported', {
    details: {
      supported: REVISION_NAMES,
      requested: typeof declared === 'string' ? declared.slice(0, 64) : typeof declared,
    },
  });
}
