import type { Limits } from '#lib';
import { messageOf } from '#lib';
import type { JsonObject } from '#mcp';
import { jsonLimitsOf, readJsonObject } from '#mcp';
import { DocumentInvalid, DocumentUnavailable } from '../errors.ts';
import type { HopAnswer } from './hop.ts';

/** A document as fetched. */
export interface FetchedDocument {
  /** 200; after a POST also 4xx, whose document says why. */
  readonly status: number;
  readonly value: JsonObject;
}

/**
 * The document in an answer.
 *
 * @param isPosted the request was a POST, whose refusals have documents too.
 * @throws DocumentUnavailable, DocumentInvalid
 */
export function readDocument(
  host: string,
  isPosted: boolean,
  { status, headers, body }: HopAnswer,
  limits: Limits,
): FetchedDocument {
  const hasReason = isPosted && status >= 400 && status < 500;
  if (status !== 200 && !hasReason) {
    throw new DocumentUnavailable(`${host} answers ${status}`, { details: { status } });
  }
  const invalid = (what: string, cause?: unknown): Error =>
    new DocumentInvalid(`${host}: ${what}`, { cause, details: { status } });
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw invalid('the answer is compressed');
  if (!isJson(headers['content-type'])) throw invalid('the answer is not declared as JSON');
  try {
    const value = readJsonObject(body, jsonLimitsOf(limits, limits.maxDocumentBytes));
    if (value !== null) return { status, value };
  } catch (thrown) {
    throw invalid(`the answer is no unambiguous JSON: ${messageOf(thrown)}`, thrown);
  }
  throw invalid('the answer is no JSON object');
}

/** RFC 8259, and the types of JSON documents (RFC 6839, section 3.1), such as `application/jwk-set+json`. */
function isJson(type: unknown): boolean {
  if (typeof type !== 'string') return false;
  const media = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return media === 'application/json' || /^application\/[a-z0-9.-]+\+json$/.test(media);
}
