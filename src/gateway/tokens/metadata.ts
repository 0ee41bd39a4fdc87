/** Protected resource metadata (RFC 9728): where clients of a listener get tokens. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toPosternError } from '#lib';
import type { Services } from '#pipeline';
import { answerPreflight, isPreflight, shareAnswer } from '../cors.ts';
import { rejectRequest } from '../calls.ts';
import { MethodNotAllowed } from '../errors.ts';
import { checkOrigin, singleHeaders } from '../http-guard.ts';
import { HttpSink } from '../http-sink.ts';
import { newCallHead } from '../read-call.ts';
import { routeOf } from '../routes.ts';
import type { TokenGate } from './gate.ts';
import { describedPathOf } from './resources.ts';

/**
 * Answers with the metadata of the endpoint that the path names. Any well-formed name has some, so that
 * nobody learns by it which servers there are.
 */
export function answerMetadata(
  request: IncomingMessage,
  response: ServerResponse,
  gate: TokenGate,
  services: Services,
): void {
  const sink = new HttpSink(response, services.limits);
  shareAnswer(request, response, gate.names);
  try {
    if (isPreflight(request, gate.names)) {
      answerPreflight(request, response, gate.names);
      return;
    }
    checkOrigin(singleHeaders(request), gate.names);
    sink.whole(200, { 'content-type': 'application/json' }, documentOf(request, gate));
  } catch (thrown) {
    rejectRequest(response, services, sink, newCallHead(), toPosternError(thrown));
  }
}

/** @throws PathUnknown, MethodNotAllowed */
function documentOf(request: IncomingMessage, gate: TokenGate): Buffer {
  const path = describedPathOf(request.url ?? '');
  // Whether the path is one; what is there is nobody's concern here.
  if (path !== '') routeOf(path);
  if (request.method !== 'GET') {
    throw new MethodNotAllowed('metadata is for reading', {
      hint: 'Use GET.',
      details: { allow: 'GET' },
    });
  }
  return Buffer.from(gate.describe(request, path));
}
