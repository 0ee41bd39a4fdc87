/** Protected resource metadata (RFC 9728): where clients of a listener get tokens. */
import { toPosternError } from '#lib';
import type { Services } from '#pipeline';
import type { HttpExchange } from '#transport';
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
export function answerMetadata(exchange: HttpExchange, gate: TokenGate, services: Services): void {
  const sink = new HttpSink(exchange, services.limits);
  shareAnswer(exchange, gate.names);
  try {
    if (isPreflight(exchange, gate.names)) {
      answerPreflight(exchange, gate.names);
      return;
    }
    checkOrigin(singleHeaders(exchange), gate.names);
    sink.whole(200, { 'content-type': 'application/json' }, documentOf(exchange, gate));
  } catch (thrown) {
    rejectRequest(exchange, services, sink, newCallHead(), toPosternError(thrown));
  }
}

/** @throws PathUnknown, MethodNotAllowed */
function documentOf(exchange: HttpExchange, gate: TokenGate): Buffer {
  const path = describedPathOf(exchange.target);
  // Whether the path is one; what is there is nobody's concern here.
  if (path !== '') routeOf(path);
  if (exchange.method !== 'GET') {
    throw new MethodNotAllowed('metadata is for reading', {
      hint: 'Use GET.',
      details: { allow: 'GET' },
    });
  }
  return Buffer.from(gate.describe(exchange, path));
}
