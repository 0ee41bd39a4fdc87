import type { Socket } from 'node:net';
import { certificatesIn } from '#identity';
import type { Epoch, EpochPlan, ServerTls } from '#tls';
import { createFront, Epochs, leadsTo, trustsMore } from '#tls';
import type { HttpExchange } from '#transport';
import { closeAll, httpServerFor, listen, stopAccepting } from './http-server.ts';
import type { Connection } from './link-book.ts';
import { LinkBook } from './link-book.ts';
import type { EpochReport, Listener, ListenerOptions, ListenerReport } from './listener.ts';
import { takeSecondProof } from './second-proof.ts';

/**
 * A listener with TLS: a front that reads hellos, the TLS server of each epoch, and behind them one
 * HTTP server that is given connections whose handshake is over and whose link was found good.
 *
 * @throws Error when OpenSSL does not take the configuration.
 */
export function createTlsListener(options: ListenerOptions, tls: ServerTls): Listener {
  const { limits } = options;
  const http = httpServerFor(options);
  const epochs = new Epochs(tls, {
    handshakeTimeoutMs: limits.handshakeTimeoutMs,
    onSecure: (socket) => {
      const connection = links.enter(socket);
      if (connection !== null) http.take(socket, requestsOver(connection, options));
    },
    onFailed: (error, socket) => links.refused(error, socket),
    onCanaryUnfit: options.onCanaryUnfit,
    salt: options.canarySalt,
  });
  const links = new LinkBook({
    ...options,
    onHandshakeOver: (epoch, established) => {
      if (established) epochs.established(epoch);
      else epochs.failed(epoch);
    },
  });
  const sockets = new Set<Socket>();
  const front = createFront({
    listener: options.name,
    epochs,
    limits,
    events: options.events,
    onAdmitted: (socket, admission) => links.handshakeBegins(socket, admission),
  });
  front.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    name: options.name,
    scheme: 'https',
    open: () => listen(front, options),
    use: (plan) => {
      epochs.use(plan);
      endDistrusted([...links.connections()], plan);
    },
    report: () => reportOf(epochs, [...links.connections()]),
    drainOld: () => {
      for (const { epoch } of links.connections())
        if (epoch.endedAt !== null) epoch.endedAt = -Infinity;
    },
    destroyRefused: () => {
      const doomed = [...links.connections()].filter((each) => isRefusedNow(each, options));
      for (const { socket } of doomed) socket.destroy();
      return doomed.length;
    },
    drain: () => stopAccepting(front, http),
    close: () => closeAll(front, http, sockets),
  };
}

/** What becomes of the requests over a connection. */
function requestsOver(
  connection: Connection,
  options: ListenerOptions,
): (exchange: HttpExchange) => void {
  const { connectionDrainMs } = options.limits;
  const isOutdated = (): boolean => isOver(connection, connectionDrainMs);
  const isRefused = (): boolean => isRefusedNow(connection, options);
  return (exchange) => {
    const refusal = takeSecondProof(connection, exchange, options);
    if (refusal !== null || isOutdated()) exchange.endConnection();
    options.onRequest(exchange, { link: connection.link, isOutdated, isRefused, refusal });
  };
}

/**
 * Where less is trusted than before, connections of clients that would be refused now end at once, and
 * the others after the call that they carry.
 */
function endDistrusted(connections: readonly Connection[], { stable }: EpochPlan): void {
  const ended = new Set(connections.map(({ epoch }) => epoch));
  const roots = certificatesIn(stable.caPem);
  for (const epoch of ended) {
    if (epoch.endedAt === null || !trustsMore(epoch.tls, stable)) continue;
    epoch.endedAt = -Infinity;
    for (const connection of connections.filter((each) => each.epoch === epoch)) {
      const { socket, link } = connection;
      const certificate = link.peer === null ? undefined : socket.getPeerX509Certificate();
      if (certificate === undefined || leadsTo(certificate, roots)) continue;
      connection.distrusted = true;
      socket.destroy();
    }
  }
}

/** Whether a certificate that a connection's client has shown is refused by now. */
function isRefusedNow(
  { link, secondPeer, distrusted }: Connection,
  { refusesPeer }: Pick<ListenerOptions, 'refusesPeer'>,
): boolean {
  if (distrusted) return true;
  return [link.peer, secondPeer].some((peer) => peer !== null && refusesPeer(peer) !== null);
}

/** Whether it is a connection's turn to end. */
function isOver({ epoch, turn }: Connection, drainMs: number): boolean {
  return epoch.endedAt !== null && performance.now() >= epoch.endedAt + turn * drainMs;
}

function reportOf(epochs: Epochs, connections: readonly Connection[]): ListenerReport {
  const { stable, canary, trial } = epochs;
  const describe = (epoch: Epoch): EpochReport => ({
    epoch: epoch.id,
    profile: epoch.tls.profile.name,
    connections: connections.filter((connection) => connection.epoch === epoch).length,
    established: epoch.established,
    failed: epoch.failed,
  });
  return {
    stable: describe(stable),
    canary:
      canary === null || trial === null
        ? null
        : {
            ...describe(canary),
            percent: trial.percent,
            sticky: trial.sticky,
            clientsSeen: trial.clients.seen,
            clientsRefused: trial.clients.refused,
          },
    oldConnections: connections.filter(({ epoch }) => epoch.endedAt !== null).length,
  };
}
