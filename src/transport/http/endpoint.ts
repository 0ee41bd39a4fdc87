import { createHash } from 'node:crypto';
import type { EventSink, Limits } from '#lib';
import type { EndpointStats } from '../upstream.ts';
import type { Fault } from './breaker.ts';
import { Breaker } from './breaker.ts';
import type { Connect } from './connect.ts';
import { isUntrusted } from './connect.ts';
import { Pool } from './pool.ts';
import { Redirects } from './redirects.ts';
import type { ServerLabel } from './server-label.ts';

interface EndpointOptions {
  /** Name of the server. */
  readonly name: string;
  readonly url: URL;
  readonly connect: Connect;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Whether calls find out that it is back, or health checks do. */
  readonly triedByCalls: boolean;
}

/** Characters of a tag: 48 bits tell the endpoints of a server apart. */
const TAG_LENGTH = 8;

/** One of the places where a server answers: its connections, and whether it is used at present. */
export class Endpoint {
  readonly url: URL;
  readonly label: ServerLabel;
  /** Path and query of the URL. */
  readonly path: string;
  /** The same for every gateway that has this URL, in whatever order. */
  readonly tag: string;
  readonly connect: Connect;
  readonly pool: Pool;
  readonly breaker: Breaker;
  readonly redirects: Redirects;
  /** Calls and streams that are under way. */
  inFlight = 0;

  constructor({ name, url, connect, limits, events, triedByCalls }: EndpointOptions) {
    this.url = url;
    this.label = { name, host: url.host };
    this.path = url.pathname + url.search;
    this.tag = createHash('sha256').update(url.href).digest('base64url').slice(0, TAG_LENGTH);
    this.connect = connect;
    this.pool = new Pool(url, connect, limits);
    this.redirects = new Redirects(url, this.label, events);
    const title = titleOf(url);
    this.breaker = new Breaker({
      limits,
      triedByCalls,
      onDown: (fault, pauseMs) => tellDown(events, name, title, fault, pauseMs),
      onUp: () => tellUp(events, name, title),
    });
  }

  stats(): EndpointStats {
    return {
      endpoint: titleOf(this.url),
      state: this.breaker.state,
      in_flight: this.inFlight,
    };
  }
}

/** A query may hold secrets. */
function titleOf(url: URL): string {
  return url.host + url.pathname;
}

function tellDown(
  events: EventSink,
  server: string,
  endpoint: string,
  { reason, code }: Fault,
  pauseMs: number,
): void {
  events({
    severity: code !== null && isUntrusted(code) ? 'alert' : 'warn',
    name: 'upstream.endpoint_down',
    message: `an endpoint of "${server}" fails and is left alone: ${reason}`,
    fields: { server, endpoint, code, pause_ms: Math.round(pauseMs) },
  });
}

function tellUp(events: EventSink, server: string, endpoint: string): void {
  events({
    severity: 'info',
    name: 'upstream.endpoint_up',
    message: `an endpoint of "${server}" answers again: ${endpoint}`,
    fields: { server, endpoint },
  });
}
