import type { ClientConnection, ClientSocket } from '#transport';

const known = new WeakMap<ClientSocket, ClientConnection>();

/** The {@link ClientConnection} of a socket, always the same one. */
export function connectionOf(socket: ClientSocket): ClientConnection {
  const existing = known.get(socket);
  if (existing !== undefined) return existing;
  const callbacks = new Set<() => void>();
  socket.once('close', () => {
    for (const callback of callbacks) callback();
    callbacks.clear();
  });
  const connection: ClientConnection = {
    onceClosed: (callback) => {
      if (socket.destroyed) callback();
      else callbacks.add(callback);
    },
  };
  known.set(socket, connection);
  return connection;
}
