/** Protected resource metadata (RFC 9728): where clients of a listener get tokens. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuthorizationSettings } from '#config';
import { toPosternError } from '#lib';
import { resourceMetadata } from '#oauth';
import type { Services } from '#pipeline';
import { answerPreflight, isPreflight, shareAnswer } from '../cors.ts';
import { rejectRequest } from '../calls.ts';
import { MethodNotAllowed } from '../errors.ts';
import type { HostNames } from '../http-guard.ts';
import { checkOrigin, singleHeaders } from '../http-guard.ts';
import { HttpSink } from '../http-sink.ts';
import { newCallHead } from '../read-call.ts';
import { routeOf } from '../routes.ts';
import { describedPathOf } from './resources.ts';

/** What is described. */
export interface Described {
  readonly authorization: AuthorizationSettings;
  readonly names: HostNames;
  /** Scheme, name and port under which clients reach the listener. */
  readonly origin: string;
}

/**
 * Answers with the metadata of the endpoint that the path names. Any well-formed name has some, so that
 * nobody learns by it which servers there are.
 */
export function answerMetadata(
  request: IncomingMessage,
  response: ServerResponse,
  described: Described,
  services: Services,
): void {
  const sink = new HttpSink(response, services.limits);
  shareAnswer(request, response, described.names);
  try {
    if (isPreflight(request, described.names)) {
      answerPreflight(request, response, described.names);
      return;
    }
    checkOrigin(singleHeaders(request), described.names);
    sink.whole(200, { 'content-type': 'application/json' }, documentOf(request, described));
  } catch (thrown) {
    rejectRequest(response, services, sink, newCallHead(), toPosternError(thrown));
  }
}

/** @throws PathUnknown, MethodNotAllowed */
function documentOf(
  { url = '', method }: IncomingMessage,
  { authorization, origin }: Described,
): Buffer {
  const path = describedPathOf(url);
  if (path !== '') routeOf(path);
  if (method !== 'GET') {
    throw new MethodNotAllowed('metadata is for reading', {
      hint: 'Use GET.',
      details: { allow: 'GET' },
    });
  }
  const { issuers, scopesSupported } = authorization;
  const document = resourceMetadata({
    resource: `${origin}${path}`,
    authorizationServers: issuers.map(({ issuer }) => issuer),
    scopesSupported,
    issuers,
  });
  return Buffer.from(JSON.stringify(document));
}
