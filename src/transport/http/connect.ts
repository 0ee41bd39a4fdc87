import type { LinkSecurity, Profile, SignatureScheme } from '#crypto';
import { describeLink, isQuantumSafe, tlsOptionsOf } from '#crypto';
import type { ProofCredential } from '#identity';
import { CHANNEL_PROOF_HEADER, proveChannel } from '#identity';
import type { EventSink, Limits, PosternEvent } from '#lib';
import { PosternError } from '#lib';
import type { X509Certificate } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import {
  CallCancelled,
  UpstreamAddressRefused,
  UpstreamCertificateInvalid,
  UpstreamLinkRefused,
  UpstreamUnavailable,
} from '../errors.ts';
import { addressOf } from './address.ts';
import { anchorsOf, checkAnchors } from './anchors.ts';
import type { ClientCredential } from './client-credential.ts';
import { credentialOptions, signatureOf } from './client-credential.ts';
import { connectFailure } from './connect-errors.ts';
import { readEgressLink, readPlainLink } from './egress-link.ts';
import { checkPins } from './pins.ts';
import type { Whereabouts } from './route.ts';
import { routeTo } from './route.ts';
import type { ServerLabel } from './server-label.ts';
import { SocketReads } from './wire/socket-reads.ts';
import { adviceFor } from './server-label.ts';

/** How new connections to an https: server are made. */
export interface HttpUpstreamTls {
  /** What the link may use; already narrowed by policy. */
  readonly profile: Profile;
  /** Authorities that may vouch for the server, PEM; `null` for those that Node.js trusts. */
  readonly caPem: string | null;
  /** Revocation lists, PEM, one each; with any, every authority of the chain needs a current one. */
  readonly crls: readonly string[];
  /** Name that the certificate must carry, `null` for the host of the URL. */
  readonly serverName: string | null;
  /** Pins of keys of which the server's chain must have one (see `pinOf`); none admits any. */
  readonly pins: readonly string[];
  /** What the gateway shows to a server that asks for it. */
  readonly clientCredential?: ClientCredential;
  /** With what it proves on each link, once more, who it is. */
  readonly secondCredential?: ProofCredential;
}

/** What {@link createConnector} needs. */
export interface ConnectorOptions extends Whereabouts {
  /** Of the server; `null` for a host that is no MCP server. */
  readonly name: string | null;
  /** Asked for each new connection, so that it may answer otherwise after a reload; `null` for http:. */
  readonly tls: (() => HttpUpstreamTls) | null;
  readonly limits: Pick<Limits, 'upstreamConnectTimeoutMs'>;
  readonly events: EventSink;
  /** Why policy refuses a link that was just made, `null` when it does not. */
  readonly acceptLink: (link: LinkSecurity) => string | null;
}

/** A connected socket and how it is protected. */
interface Hop {
  readonly socket: Socket;
  /** What comes by it. */
  readonly reads: SocketReads;
  readonly link: LinkSecurity;
  /** Names and values of headers that the first request on it carries besides. */
  readonly greeting: readonly string[];
}

/** Makes a hop; on abort it gives up. */
export type Connect = (signal: AbortSignal) => Promise<Hop>;

/** TCP probes on a silent connection, so that streams whose server vanished come to an end. */
const TCP_KEEP_ALIVE_MS = 30_000;

const UNTRUSTED = new Set([
  UpstreamAddressRefused.code,
  UpstreamLinkRefused.code,
  UpstreamCertificateInvalid.code,
]);

/** Whether a failure, by its code, may be an attack rather than an outage. */
export function isUntrusted(code: string): boolean {
  return UNTRUSTED.has(code);
}

/**
 * Makes hops to one server: TCP, TLS with the settings of the moment, a look at what was negotiated,
 * and the policy's word on it. A refused hop carries no byte of HTTP.
 *
 * The hop's promise rejects with UpstreamUnavailable, UpstreamAddressRefused, UpstreamLinkRefused,
 * UpstreamCertificateInvalid or CallCancelled.
 */
export function createConnector(options: ConnectorOptions): Connect {
  const { events } = options;
  const name = options.name ?? options.url.host;
  const label = labelOf(options);
  const dial = options.tls === null ? plainDial(options) : tlsDial(options, label, options.tls);
  return async (signal) => {
    try {
      const hop = await dialWithin(dial, options, signal);
      hop.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      events({
        severity: 'debug',
        name: 'upstream.connected',
        message: `connected to ${name}`,
        fields: { upstream: name, link: describeLink(hop.link) },
      });
      return hop;
    } catch (thrown) {
      const error = thrown instanceof PosternError ? thrown : connectFailure(thrown, label);
      if (!(error instanceof CallCancelled)) events(failureEvent(name, error));
      throw error;
    }
  };
}

/** A socket on its way, the event that says it is ready, and how to read its link then. */
interface Dialled {
  readonly socket: Socket;
  readonly reads: SocketReads;
  readonly ready: 'connect' | 'secureConnect';
  readonly readLink: () => LinkSecurity;
  readonly greet: () => readonly string[];
}

function plainDial(options: ConnectorOptions): () => Dialled {
  const route = routeTo(options);
  return () => {
    const reads = new SocketReads();
    const socket = connectTcp({ ...route(), noDelay: true, onread: reads });
    return {
      socket,
      reads,
      ready: 'connect',
      readLink: () => readPlainLink(socket),
      greet: () => [],
    };
  };
}

function tlsDial(
  options: ConnectorOptions,
  label: ServerLabel,
  settings: () => HttpUpstreamTls,
): () => Dialled {
  const route = routeTo(options);
  // Building a context parses every authority, so it lasts until the settings are replaced.
  let compiled: CompiledTls | null = null;
  return () => {
    const reads = new SocketReads();
    // `tls.connect` takes it as `net.connect` does, which its type does not say.
    const way = { ...route(), onread: reads };
    const current = settings();
    if (compiled?.settings !== current) compiled = compile(current);
    const { secureContext, localSignature, anchors } = compiled;
    const { name } = addressOf(options.url, current.serverName);
    const socket = connectTls({
      ...way,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: true,
      ...(name === null ? {} : { servername: name }),
    });
    socket.setNoDelay(true);
    let startedAt = performance.now();
    socket.once('connect', () => {
      startedAt = performance.now();
    });
    const readLink = (): LinkSecurity => {
      const handshakeMs = performance.now() - startedAt;
      const link = readEgressLink(socket, handshakeMs, current.profile, localSignature);
      if (anchors !== null) checkAnchors(label, socket, anchors);
      checkPins(label, socket, current.pins);
      return link;
    };
    const greet = (): readonly string[] => greetingOf(socket, current);
    return { socket, reads, ready: 'secureConnect', readLink, greet };
  };
}

/** The second proof of who the gateway is, where the server wants one. */
function greetingOf(socket: TLSSocket, { secondCredential }: HttpUpstreamTls): readonly string[] {
  if (secondCredential === undefined) return [];
  return [CHANNEL_PROOF_HEADER, proveChannel(socket, secondCredential)];
}

interface CompiledTls {
  readonly settings: HttpUpstreamTls;
  readonly secureContext: SecureContext;
  readonly localSignature: SignatureScheme | null;
  /** To be looked for at the end of chains; `null` where OpenSSL trusts no others anyway. */
  readonly anchors: readonly X509Certificate[] | null;
}

function compile(settings: HttpUpstreamTls): CompiledTls {
  const { profile, caPem, crls, clientCredential } = settings;
  const secureContext = createSecureContext({
    ...tlsOptionsOf(profile),
    ...(caPem === null ? {} : { ca: caPem }),
    ...(crls.length === 0 ? {} : { crl: [...crls] }),
    ...(clientCredential && credentialOptions(clientCredential)),
  });
  if (clientCredential === undefined) {
    return { settings, secureContext, localSignature: null, anchors: null };
  }
  return {
    settings,
    secureContext,
    localSignature: signatureOf(clientCredential, secureContext),
    anchors: 'pfx' in clientCredential ? anchorsOf(caPem) : null,
  };
}

function dialWithin(
  dial: () => Dialled,
  options: ConnectorOptions,
  signal: AbortSignal,
): Promise<Hop> {
  const timeoutMs = options.limits.upstreamConnectTimeoutMs;
  return new Promise((resolve, reject) => {
    if (signal.aborted) throw new CallCancelled('cancelled before connecting');
    const { socket, reads, ready, readLink, greet } = dial();
    // An error without a listener would end the process, at any time in the socket's life.
    socket.on('error', () => {});
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
    };
    const fail = (failure: unknown): void => {
      settled();
      socket.destroy();
      reject(failure);
    };
    const onAbort = (): void => fail(new CallCancelled('cancelled while connecting'));
    let handshaking = false;
    socket.once('connect', () => {
      handshaking = ready === 'secureConnect';
    });
    const lost = (reason: string): void => {
      fail(handshaking ? cutOff(options, reason) : unavailable(options, reason));
    };
    const onClose = (): void => lost('it closed the connection');
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ECONNRESET') onClose();
      else fail(error);
    };
    const timer = setTimeout(() => lost(`no connection within ${timeoutMs} ms`), timeoutMs);
    socket.once('error', onError);
    socket.once('close', onClose);
    signal.addEventListener('abort', onAbort);
    socket.once(ready, () => {
      try {
        const link = readLink();
        refuseUnlessAccepted(link, options);
        settled();
        resolve({ socket, reads, link, greeting: greet() });
      } catch (error) {
        fail(error);
      }
    });
  });
}

function refuseUnlessAccepted(link: LinkSecurity, options: ConnectorOptions): void {
  const reason = options.acceptLink(link);
  if (reason === null) return;
  throw new UpstreamLinkRefused(`${options.url.host}: ${reason}`, {
    details: { quantum_safe: isQuantumSafe(link) },
    hint: adviceFor(
      labelOf(options),
      'Upgrade the server, or look at `p2p_connectivity` of the policy.',
    ),
  });
}

function labelOf({ name, url }: Pick<ConnectorOptions, 'name' | 'url'>): ServerLabel {
  return { name, host: url.host };
}

/**
 * A handshake that nobody refused. Some servers and middle boxes cannot take a ClientHello of more than
 * one packet, which post-quantum key shares make it; there is no falling back for them.
 */
function cutOff(options: ConnectorOptions, reason: string): PosternError {
  return new UpstreamUnavailable(`${options.url.host}: ${reason} amid the TLS handshake`, {
    hint: adviceFor(
      labelOf(options),
      'If others reach it, it or a middle box on the way drops a ClientHello of more than one packet (tldr.fail): update that.',
    ),
  });
}

function unavailable(options: ConnectorOptions, reason: string): PosternError {
  return new UpstreamUnavailable(`${options.url.host}: ${reason}`);
}

function failureEvent(name: string, error: PosternError): PosternEvent {
  const untrusted = isUntrusted(error.code);
  return {
    severity: untrusted ? 'alert' : 'warn',
    name: 'upstream.connect_failed',
    message: `no connection to ${name}: ${error.message}`,
    fields: { upstream: name, code: error.code, hint: error.hint },
  };
}
