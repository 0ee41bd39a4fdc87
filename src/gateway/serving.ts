import type { Recorder } from '#audit';
import type { ListenerSettings } from '#config';
import type { PeerCertificate, Sealer } from '#crypto';
import type { FederatedOptions } from '#federation';
import { Federation } from '#federation';
import type { EventSink, Limits, Meter, PosternError } from '#lib';
import type { TokenVerifier } from '#oauth';
import type { Services } from '#pipeline';
import { EarlierRequests, ServerRevisions, SessionTokens, ToolHeaders } from '#pipeline';
import type { Policy } from '#policy';
import { denyAllPolicy, linkRefusal } from '#policy';
import type { HttpExchange, Upstream } from '#transport';
import { hostNamesOf } from './addresses.ts';
import type { Entrance } from './calls.ts';
import { Calls, rejectRequest } from './calls.ts';
import { Destinations } from './destinations.ts';
import { DuplexFronts } from './duplex/fronts.ts';
import type { LineStreams } from './duplex/lines.ts';
import type { EstParts } from './est.ts';
import { Est, isEstPath } from './est.ts';
import type { HostNames } from './http-guard.ts';
import { HttpSink } from './http-sink.ts';
import type { Arrival, Listener, ListenerOptions } from './listener.ts';
import { createListener } from './listener.ts';
import { Admission } from './overload/admission.ts';
import { newCallHead } from './read-call.ts';
import { EventStore } from './resumption/event-store.ts';
import type { Target } from './routes.ts';
import { isSsePath } from './routes.ts';
import { TokenGate } from './tokens/gate.ts';
import { answerMetadata } from './tokens/metadata.ts';
import { isMetadataPath } from './tokens/resources.ts';

/** What serving takes. */
export interface ServingParts {
  readonly trustDomain: string;
  readonly listeners: readonly ListenerSettings[];
  /** What verifies the tokens of those that take some, by name of the listener. */
  readonly verifiers: ReadonlyMap<string, TokenVerifier>;
  readonly recorder: Recorder;
  /** Seals the ids of sessions. */
  readonly sealer: () => Sealer;
  /** Names in them who serves them. */
  readonly instance: string;
  /** Why a client's certificate is refused although it verifies, `null` when it is not. */
  readonly refusesPeer: (peer: PeerCertificate) => string | null;
  /** Lets clients enrol; `null` where somebody else does. */
  readonly enrolment: Pick<EstParts, 'desk' | 'caPem'> | null;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly meter: Meter;
  /** The servers that are served; closed together with it. */
  readonly upstreams: readonly Upstream[];
  /** How they are behind one endpoint. */
  readonly federation: Pick<FederatedOptions, 'servers' | 'federation' | 'version'>;
}

/** What a port is besides what serving knows of it. */
export type PortOptions = Pick<
  ListenerOptions,
  'name' | 'host' | 'port' | 'reusePort' | 'canarySalt' | 'tls' | 'onCanaryUnfit'
> &
  Partial<Pick<ListenerOptions, 'onRequest'>>;

/** Serves requests, whichever port they came in by: each call goes through the pipeline to its server. */
export class Serving {
  readonly #parts: ServingParts;
  readonly #entrances: ReadonlyMap<string, Omit<Entrance, keyof Arrival>>;
  readonly #legacySse: ReadonlySet<string>;
  readonly #federation: Federation;
  readonly #destinations: Destinations;
  readonly #calls: Calls;
  readonly #store: EventStore;
  readonly #admission: Admission;
  readonly #est: Est | null;
  readonly #duplex: DuplexFronts;
  /** The immutable set that a call begins and ends with; replaced whole. */
  #services: Services;

  /** Every call is denied until {@link usePolicy}. */
  constructor(parts: ServingParts) {
    this.#parts = parts;
    const { limits, events, listeners, trustDomain, recorder, meter, refusesPeer } = parts;
    this.#store = new EventStore(limits);
    this.#services = {
      trustDomain,
      recorder,
      limits,
      events,
      meter,
      refusesPeer,
      policy: denyAllPolicy('none'),
      upstreams: new Map(parts.upstreams.map((upstream) => [upstream.name, upstream])),
      sessions: new SessionTokens(parts),
      resumption: this.#store,
      policyNow: () => this.#services.policy,
      toolHeaders: new ToolHeaders(),
      earlierRequests: new EarlierRequests(),
      serverRevisions: new ServerRevisions(),
    };
    this.#federation = new Federation({ ...parts.federation, limits, events });
    this.#destinations = new Destinations(() => this.#services, this.#federation);
    this.#admission = new Admission(parts);
    this.#calls = new Calls(() => this.#services, this.#destinations, this.#admission);
    this.#est =
      parts.enrolment === null
        ? null
        : new Est({ ...parts, ...parts.enrolment, admission: this.#admission });
    this.#duplex = new DuplexFronts(() => this.#services, this.#destinations, this.#admission);
    this.#entrances = new Map(listeners.map((each) => [each.name, this.#entranceOf(each)]));
    this.#legacySse = new Set(
      listeners.filter(({ legacySse }) => legacySse).map(({ name }) => name),
    );
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#services.policy;
  }

  get callsInFlight(): number {
    return this.#calls.count + this.#duplex.count;
  }

  /** Puts a policy in force for new calls. */
  usePolicy(policy: Policy): void {
    this.#services = { ...this.#services, policy };
  }

  /** A port by which requests come in here. */
  openTo(options: PortOptions): Listener {
    const { limits, events, refusesPeer } = this.#parts;
    return createListener({
      onRequest: (exchange, arrival) => this.handle(options.name, exchange, arrival),
      ...options,
      limits,
      events,
      refusesPeer,
      refusesLink: (link) => linkRefusal(this.policy.links, link),
    });
  }

  /** Answers one request that came in by a listener. Never throws. */
  handle(listener: string, exchange: HttpExchange, arrival: Arrival): void {
    const place = this.#entrances.get(listener);
    if (place === undefined) throw new Error(`there is no listener ${listener}`);
    const entrance = { ...place, ...arrival };
    const { link, refusal, gate } = entrance;
    if (
      this.#est !== null &&
      link.kind === 'tls' &&
      refusal === null &&
      isEstPath(exchange.target)
    ) {
      this.#est.handle(exchange, { ...entrance, link });
    } else if (gate !== null && isMetadataPath(exchange.target)) {
      answerMetadata(exchange, gate, this.#services);
    } else if (this.#legacySse.has(listener) && isSsePath(exchange.target)) {
      this.#duplex.handle(exchange, entrance);
    } else {
      this.#calls.handle(exchange, entrance);
    }
  }

  /** Answers a request with an error, whatever it asks. */
  reject(exchange: HttpExchange, error: PosternError): void {
    const sink = new HttpSink(exchange, this.#parts.limits);
    rejectRequest(exchange, this.#services, sink, newCallHead(), error);
  }

  /**
   * Serves one client over a pair of streams, one message a line, until it ends.
   *
   * @returns why it ended, `null` when the client or the gateway ended it in order.
   */
  serve(target: Target, streams: LineStreams): Promise<PosternError | null> {
    return this.#duplex.serve(target, streams);
  }

  /** Ends streams that are no longer permitted, or whose connection is to end. */
  recheck(): void {
    this.#destinations.recheck();
    this.#calls.recheck();
    this.#duplex.recheck();
    this.#store.recheck();
  }

  /** Finishes the calls in flight within the limit, and cuts the rest. */
  async drain(): Promise<void> {
    const { drainTimeoutMs } = this.#parts.limits;
    await Promise.all([
      this.#calls.drain(drainTimeoutMs),
      this.#est?.drain(drainTimeoutMs),
      this.#duplex.drain(drainTimeoutMs),
    ]);
    this.#store.stop();
    this.#admission.stop();
  }

  /** Ends what it has to do with servers; its ports are closed by now. */
  async close(): Promise<void> {
    this.#federation.close();
    await Promise.all(this.#parts.upstreams.map((upstream) => upstream.close()));
  }

  #entranceOf(settings: ListenerSettings): Omit<Entrance, keyof Arrival> {
    const { name, minRevision } = settings;
    const names = {
      hosts: hostNamesOf(settings.host, settings.serverNames),
      origins: new Set(settings.allowedOrigins),
      scheme: settings.tls === null ? ('http' as const) : ('https' as const),
    };
    return { listener: name, minRevision, names, gate: this.#gateFor(settings, names) };
  }

  #gateFor(settings: ListenerSettings, names: HostNames): TokenGate | null {
    const { authorization, name } = settings;
    if (authorization === null) return null;
    const verifier = this.#parts.verifiers.get(name);
    if (verifier === undefined) throw new Error(`nothing verifies the tokens of listener ${name}`);
    return new TokenGate({ settings, authorization, verifier, names });
  }
}
