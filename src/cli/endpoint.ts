import type { OpenListener } from '#gateway';
import type { RunningPostern } from './compose.ts';

/** URL of one server at the first listener, as an MCP client is given it. */
export function endpointOf(postern: RunningPostern, server: string): string {
  return `${originOf(postern)}/servers/${server}/mcp`;
}

/** Origin of the first listener: `https://127.0.0.1:7443`. */
export function originOf({ listeners }: RunningPostern): string {
  const [first] = listeners;
  if (first === undefined) throw new Error('a running gateway has a listener');
  return originOfListener(first);
}

/** Origin of a listener; one that is open on every address is reached over loopback. */
export function originOfListener({ scheme, address: { address, port } }: OpenListener): string {
  const reachable = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  const host = reachable.includes(':') ? `[${reachable}]` : reachable;
  return `${scheme}://${host}:${port}`;
}
