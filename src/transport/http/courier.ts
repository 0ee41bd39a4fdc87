import { TLSSocket } from 'node:tls';
import type { Limits, PosternError } from '#lib';
import { kindOfAddress, messageOf } from '#lib';
import type { Credentials } from '../credentials/credentials.ts';
import { UpstreamUnavailable } from '../errors.ts';
import type { Authorization } from '../oauth/authorization.ts';
import type { UpstreamHealth, UpstreamReply } from '../upstream.ts';
import type { Asker } from './authorized.ts';
import { isUnauthorized, sendAuthorized } from './authorized.ts';
import { connectFailure } from './connect-errors.ts';
import type { Connect, ConnectorOptions } from './connect.ts';
import { createConnector } from './connect.ts';
import type { ExchangePlan } from './exchange.ts';
import { carry } from './exchange.ts';
import { Gate } from './gate.ts';
import { pinOf } from './pins.ts';
import type { Connection } from './pool.ts';
import { Pool } from './pool.ts';
import { Redirects } from './redirects.ts';
import { RequestHeaders } from './request-headers.ts';
import type { ServerLabel } from './server-label.ts';

/** What an upstream over HTTP needs, whichever transport of MCP it speaks. */
export interface HttpUpstreamOptions extends Omit<ConnectorOptions, 'limits' | 'name'> {
  readonly name: string;
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
export interface Errand extends Omit<ExchangePlan, 'server' | 'limits'> {
  /** Called when the exchange begins on a connection; what it returns, when it is over there. */
  readonly enter?: () => () => void;
}

/** Makes exchanges with one server: over judged links, with the gateway's credentials, within bounds. */
export class Courier {
  readonly headers: RequestHeaders;
  readonly #url: URL;
  readonly #label: ServerLabel;
  readonly #limits: Limits;
  readonly #credentials: NonNullable<HttpUpstreamOptions['credentials']>;
  readonly #authorization: Authorization | null;
  readonly #connect: Connect;
  readonly #pool: Pool;
  readonly #gates: Gates;
  readonly #redirects: Redirects;
  readonly #closing = new AbortController();

  /** @throws TypeError when the URL and `tls` do not go together. */
  constructor(options: HttpUpstreamOptions) {
    const { url, limits } = options;
    const secure = url.protocol === 'https:';
    if (secure === (options.tls === null)) throw new TypeError('https: needs tls, http: has none');
    this.#url = url;
    this.#label = { name: options.name, host: url.host };
    this.#limits = limits;
    this.#credentials = options.credentials ?? NO_CREDENTIALS;
    this.#authorization = options.authorization ?? null;
    this.headers = new RequestHeaders(options.headers, () => this.#credentials.current());
    this.#connect = createConnector(options);
    this.#pool = new Pool(url, this.#connect, limits);
    this.#gates = createGates(limits);
    this.#redirects = new Redirects(url, this.#label, options.events);
  }

  /** Open connections, busy and idle. */
  get connections(): number {
    return this.#pool.size;
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
   * Makes one exchange.
   *
   * @param gate with what it is counted.
   * @throws PosternError of this room.
   */
  async send(errand: Errand, gate: keyof Gates, asker: Asker): Promise<UpstreamReply> {
    const send = (one: Errand): Promise<UpstreamReply> =>
      this.#redirects.follow(one.path, (path) => {
        const sent = path === one.path ? one : { ...one, path };
        return this.#send(sent, this.#gates[gate], asker.principal);
      });
    try {
      if (this.#authorization === null) return await send(errand);
      return await sendAuthorized(this.#authorization, asker, errand, send);
    } catch (error) {
      if (isUnauthorized(error)) this.#credentials.refused();
      throw error;
    }
  }

  /** Tries the hop without sending a request. */
  async health(): Promise<UpstreamHealth> {
    try {
      const { socket, link } = await this.#connect(this.#closing.signal);
      const { remoteAddress } = socket;
      const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
      socket.destroy();
      const how = link.kind === 'tls' ? `TLS with ${link.group.name}` : 'plain HTTP';
      const key = certificate === undefined ? '' : `; its key is ${pinOf(certificate)}`;
      const detail = `connected to ${this.#url.host}${shownAddress(this.#url, remoteAddress)} over ${how}${key}`;
      return { reachable: true, detail, link };
    } catch (error) {
      return { reachable: false, detail: messageOf(error), link: null };
    }
  }

  /** Lets new exchanges use new connections alone. */
  recycle(): void {
    this.#pool.recycle();
  }

  /** Ends every connection; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const gate of Object.values(this.#gates)) gate.close();
    await this.#pool.close();
  }

  async #send(errand: Errand, gate: Gate, principal: string): Promise<UpstreamReply> {
    const plan = { ...errand, server: this.#label, limits: this.#limits };
    for (;;) {
      await gate.enter(principal, plan.signal);
      const leave = (): void => gate.leave(principal);
      const connection = await this.#take(plan.signal, leave);
      const { reused } = connection;
      const exit = plan.enter?.();
      const outcome = await carry(connection, plan, () => {
        this.#pool.release(connection);
        leave();
        exit?.();
      });
      if (outcome !== 'unsent') return outcome;
      // A server may close an idle connection at any time; one that closes new ones is broken.
      if (!reused) throw this.#closedAtOnce(connection);
    }
  }

  async #take(signal: AbortSignal, leave: () => void): Promise<Connection> {
    try {
      return await this.#pool.take(signal);
    } catch (error) {
      leave();
      throw error;
    }
  }

  #closedAtOnce({ failure }: Connection): PosternError {
    if (failure !== null) return connectFailure(failure, this.#label);
    return new UpstreamUnavailable(`${this.#url.host}: it closes new connections at once`);
  }
}

/** Where a name led, and what kind of address that is. */
function shownAddress({ hostname }: URL, address: string | undefined): string {
  if (address === undefined || hostname.replace(/^\[|\]$/g, '') === address) return '';
  return ` at ${address} (${kindOfAddress(address)})`;
}

const NONE: Readonly<Record<string, string>> = {};
const NO_CREDENTIALS = { current: () => NONE, refused: () => undefined };

/**
 * Streams are counted apart, since they would otherwise take the place of calls for hours. So are
 * answers to the server's own questions: a call may wait for one, and must not be what it waits for.
 */
function createGates(limits: Limits): Gates {
  const { maxUpstreamConnections, maxUpstreamStreams } = limits;
  const calls = {
    max: maxUpstreamConnections,
    maxQueue: limits.maxUpstreamQueue,
    waitMs: limits.upstreamIdleTimeoutMs,
    limit: 'max_upstream_connections',
  };
  const streams = { max: maxUpstreamStreams, maxQueue: 0, limit: 'max_upstream_streams' };
  return {
    calls: new Gate(calls),
    answers: new Gate(calls),
    streams: new Gate({ ...calls, ...streams }),
  };
}

interface Gates {
  /** Requests that have an answer. */
  readonly calls: Gate;
  /** Notifications, answers to the server, and the end of a session. */
  readonly answers: Gate;
  /** What stays open for as long as the client wants. */
  readonly streams: Gate;
}
