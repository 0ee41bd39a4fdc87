import { TLSSocket } from 'node:tls';
import type { EventSink, Limits, PosternError } from '#lib';
import { kindOfAddress, messageOf } from '#lib';
import type { Credentials } from '../credentials/credentials.ts';
import { UpstreamUnavailable } from '../errors.ts';
import type { Authorization } from '../oauth/authorization.ts';
import type { UpstreamHealth, UpstreamReply, UpstreamStats } from '../upstream.ts';
import { Attempt } from './attempt.ts';
import type { Asker } from './authorized.ts';
import { isUnauthorized, sendAuthorized } from './authorized.ts';
import { connectFailure } from './connect-errors.ts';
import type { ConnectorOptions } from './connect.ts';
import { createConnector } from './connect.ts';
import { Endpoint } from './endpoint.ts';
import { Endpoints, unavailable } from './endpoints.ts';
import type { ExchangePlan } from './exchange.ts';
import { carry } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import { createGates } from './gates.ts';
import type { HealthCheckSettings } from './health-checks.ts';
import { HealthChecks } from './health-checks.ts';
import { pinOf } from './pins.ts';
import type { Connection } from './pool.ts';
import { RequestHeaders } from './request-headers.ts';
import { RetryBudget } from './retry-budget.ts';
import { Tries } from './tries.ts';

/** What an upstream over HTTP needs, whichever transport of MCP it speaks. */
export interface HttpUpstreamOptions extends Omit<ConnectorOptions, 'limits' | 'name' | 'url'> {
  readonly name: string;
  /** Where the server answers; any of them will do. */
  readonly urls: readonly [URL, ...URL[]];
  /** How the endpoints are looked at without a call; `null` for not at all. */
  readonly health?: HealthCheckSettings | null;
  /** The gateway's own headers for this server, such as its credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** More of them, whose values change. */
  readonly credentials?: Pick<Credentials, 'current' | 'refused'>;
  /** Access tokens, which belong to the exchange that they are sent with and to nothing else. */
  readonly authorization?: Authorization;
  /** Other gateways use the same sessions: one that is not used here any more may be in use there. */
  readonly sharedSessions?: boolean;
  readonly limits: Limits;
}

/** An exchange to make, by what is the same for all of them. */
export interface Errand extends Omit<ExchangePlan, 'server' | 'limits' | 'path'> {
  /** Where it has to go, `null` for anywhere. */
  readonly at: Endpoint | null;
  /** `null` for the endpoint's own. */
  readonly path: string | null;
  /** It has no effects: a server that has got it already may get it once more. */
  readonly repeatable: boolean;
  /** Told where it goes, before it does. */
  readonly onEndpoint?: (endpoint: Endpoint) => void;
  /** Called when the exchange begins on a connection; what it returns, when it is over there. */
  readonly enter?: () => () => void;
}

/** Makes exchanges with one server: over judged links, with the gateway's credentials, within bounds. */
export class Courier {
  readonly headers: RequestHeaders;
  readonly endpoints: Endpoints;
  readonly #limits: Limits;
  readonly #events: EventSink;
  readonly #credentials: NonNullable<HttpUpstreamOptions['credentials']>;
  readonly #authorization: Authorization | null;
  readonly #gates: Gates;
  readonly #budget: RetryBudget;
  readonly #checks: HealthChecks | null;
  readonly #closing = new AbortController();
  #retries = 0;

  /** @throws TypeError when a URL and `tls` do not go together. */
  constructor(options: HttpUpstreamOptions) {
    const { limits, health = null } = options;
    this.#limits = limits;
    this.#events = options.events;
    this.#credentials = options.credentials ?? NO_CREDENTIALS;
    this.#authorization = options.authorization ?? null;
    this.headers = new RequestHeaders(options.headers, () => this.#credentials.current());
    const [first, ...others] = options.urls;
    const create = (url: URL): Endpoint => createEndpoint(url, options);
    this.endpoints = new Endpoints([create(first), ...others.map(create)]);
    this.#checks = health === null ? null : new HealthChecks(this.endpoints.all, health, options);
    this.#gates = createGates(limits);
    this.#budget = new RetryBudget(limits.upstreamRetryPercent);
  }

  /** Open connections, busy and idle; the endpoints; exchanges that were tried again. */
  stats(): Required<Pick<UpstreamStats, 'connections' | 'endpoints' | 'retries'>> {
    const { all } = this.endpoints;
    return {
      connections: all.reduce((sum, { pool }) => sum + pool.size, 0),
      endpoints: all.map((endpoint) => endpoint.stats()),
      retries: this.#retries,
    };
  }

  /**
   * Makes sure that the credentials are there: if they are now, they will be when an exchange is sent.
   *
   * @throws UpstreamCredentialUnavailable
   */
  checkCredentials(): void {
    this.#credentials.current();
  }

  /**
   * Makes one exchange. One that fails may be tried again, see {@link Tries}.
   *
   * @param gate with what it is counted.
   * @throws PosternError of this room.
   */
  async send(errand: Errand, gate: keyof Gates, asker: Asker): Promise<UpstreamReply> {
    this.#budget.earn();
    const send = (one: Errand): Promise<UpstreamReply> =>
      this.#send(one, this.#gates[gate], asker.principal);
    try {
      if (this.#authorization === null) return await send(errand);
      return await sendAuthorized(this.#authorization, asker, errand, send);
    } catch (error) {
      if (isUnauthorized(error)) this.#credentials.refused();
      throw error;
    }
  }

  /** Tries the hops without sending a request; tells of the first that fails, if one does. */
  async health(): Promise<UpstreamHealth> {
    const all = await Promise.all(this.endpoints.all.map((endpoint) => this.#probe(endpoint)));
    const [first] = all;
    const failed = all.find(({ reachable }) => !reachable);
    const link = all.find((one) => one.link !== null)?.link ?? null;
    const detail = all.map((one) => one.detail).join('; ');
    const endpoint = (failed ?? first)?.endpoint;
    return { reachable: failed === undefined, detail, link, ...(endpoint && { endpoint }) };
  }

  /** Lets new exchanges use new connections alone, which may come about where none did before. */
  recycle(): void {
    for (const { pool, breaker } of this.endpoints.all) {
      pool.recycle();
      breaker.endPause();
    }
  }

  /** Ends every connection; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const gate of Object.values(this.#gates)) gate.close();
    await this.#checks?.close();
    await Promise.all(this.endpoints.all.map(({ pool }) => pool.close()));
  }

  async #send(errand: Errand, gate: Gate, principal: string): Promise<UpstreamReply> {
    // Most exchanges do well at once, and need none.
    let tries: Tries | null = null;
    let place = errand.at;
    let hops = 0;
    for (;;) {
      const entering = gate.enter(principal, errand.signal);
      if (entering !== null) await entering;
      const attempt = this.#begin(place, tries?.lost ?? NO_ENDPOINT, gate, principal);
      const { redirects, path } = attempt.endpoint;
      const wanted = errand.path ?? path;
      const at = redirects.current(wanted);
      try {
        const outcome = await this.#carry(attempt, errand, at);
        if (outcome === 'unsent') continue;
        if (outcome.status === 404) redirects.forget(wanted);
        if (!attempt.endpointFailed) return outcome;
        tries ??= this.#triesFor(errand, principal);
        if (!tries.goOn(attempt)) return outcome;
        this.#noteRetry(attempt, `it answers with ${outcome.status}`);
      } catch (error) {
        if (redirects.follows({ wanted, at, hops }, error)) {
          place = attempt.endpoint;
          hops += 1;
          continue;
        }
        tries ??= this.#triesFor(errand, principal);
        if (!tries.goOn(attempt)) throw error;
        this.#noteRetry(attempt, messageOf(error));
      }
    }
  }

  #triesFor({ at, repeatable, signal }: Errand, principal: string): Tries {
    const { endpoints } = this;
    return new Tries({ endpoints, budget: this.#budget, at, repeatable, principal, signal });
  }

  #begin(at: Endpoint | null, lost: readonly Endpoint[], gate: Gate, principal: string): Attempt {
    try {
      if (at?.breaker.isReady(principal) === false) throw unavailable([at]);
      const endpoint = at ?? this.endpoints.pick(principal, lost);
      return new Attempt({ endpoint, gate, principal });
    } catch (error) {
      gate.leave(principal);
      throw error;
    }
  }

  async #carry(attempt: Attempt, errand: Errand, path: string): Promise<UpstreamReply | 'unsent'> {
    const { endpoint } = attempt;
    const taken = this.#take(attempt, errand.signal);
    const connection = taken instanceof Promise ? await taken : taken;
    errand.onEndpoint?.(endpoint);
    attempt.carriedBy(connection, errand.enter?.());
    const plan = { ...errand, path, server: endpoint.label, limits: this.#limits };
    const outcome = await carry(connection, plan, attempt);
    if (outcome !== 'unsent') return outcome;
    attempt.sent = false;
    // A server may close an idle connection at any time; one that closes new ones is broken.
    if (attempt.reused) return outcome;
    const error = closedAtOnce(connection, endpoint);
    attempt.onFailed(error);
    throw error;
  }

  #take(attempt: Attempt, signal: AbortSignal): Connection | Promise<Connection> {
    const taken = attempt.endpoint.pool.take(signal);
    if (!(taken instanceof Promise)) return taken;
    return taken.catch((error: unknown) => {
      attempt.notConnected(error);
      throw error;
    });
  }

  async #probe({ url, connect }: Endpoint): Promise<UpstreamHealth> {
    try {
      const { socket, link } = await connect(this.#closing.signal);
      const { remoteAddress } = socket;
      const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
      socket.destroy();
      const how = link.kind === 'tls' ? `TLS with ${link.group.name}` : 'plain HTTP';
      const key = certificate === undefined ? '' : `; its key is ${pinOf(certificate)}`;
      const address = shownAddress(url, remoteAddress);
      const detail = `connected to ${url.host}${address} over ${how}${key}`;
      return { reachable: true, detail, link, endpoint: url };
    } catch (error) {
      return { reachable: false, detail: messageOf(error), link: null, endpoint: url };
    }
  }

  #noteRetry({ endpoint: { label }, sent }: Attempt, why: string): void {
    this.#retries += 1;
    this.#events({
      severity: 'info',
      name: 'upstream.retried',
      message: `a call of "${label.name}" is tried again: ${why}`,
      fields: { server: label.name, host: label.host, sent },
    });
  }
}

const NO_ENDPOINT: readonly Endpoint[] = [];
const NONE: Readonly<Record<string, string>> = {};
const NO_CREDENTIALS = { current: () => NONE, refused: () => undefined };

function createEndpoint(url: URL, options: HttpUpstreamOptions): Endpoint {
  const secure = url.protocol === 'https:';
  if (secure === (options.tls === null)) throw new TypeError('https: needs tls, http: has none');
  const { name, limits, events, health = null } = options;
  const connect = createConnector({ ...options, url });
  return new Endpoint({ name, url, connect, limits, events, triedByCalls: health === null });
}

function closedAtOnce({ failure }: Connection, { label }: Endpoint): PosternError {
  if (failure !== null) return connectFailure(failure, label);
  return new UpstreamUnavailable(`${label.host}: it closes new connections at once`);
}

/** Where a name led, and what kind of address that is. */
function shownAddress({ hostname }: URL, address: string | undefined): string {
  if (address === undefined || hostname.replace(/^\[|\]$/g, '') === address) return '';
  return ` at ${address} (${kindOfAddress(address)})`;
}
