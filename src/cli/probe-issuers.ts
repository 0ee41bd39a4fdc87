import type { IssuerSettings, Settings } from '#config';
import type { Limits } from '#lib';
import { messageOf } from '#lib';
import type { ReadKeySet } from '#oauth';
import { readKeySet } from '#oauth';
import { visible } from '#telemetry';
import { openKeys } from './issuers.ts';
import { style, table } from './output.ts';

/** What came of asking a token issuer for its keys. */
export interface IssuerProbe {
  /** Of the listener that takes its tokens. */
  readonly listener: string;
  readonly name: string;
  readonly reachable: boolean;
  /** One sentence: what was found, or what went wrong. */
  readonly detail: string;
  /** Why some of its keys are not used. */
  readonly notes: readonly string[];
}

/** Asks each issuer of each listener for metadata and keys, as the gateway would. */
export function probeIssuers({ listeners, limits }: Settings): Promise<readonly IssuerProbe[]> {
  const issuers = listeners.flatMap(({ name, authorization }) =>
    (authorization?.issuers ?? []).map((issuer) => ({ listener: name, issuer })),
  );
  return Promise.all(
    issuers.map(async ({ listener, issuer }) => {
      const { name } = issuer;
      try {
        const { unused: notes } = await keysOf(issuer, limits);
        return { listener, name, reachable: true, detail: 'its keys are there', notes };
      } catch (thrown) {
        return { listener, name, reachable: false, detail: messageOf(thrown), notes: [] };
      }
    }),
  );
}

async function keysOf(issuer: IssuerSettings, limits: Limits): Promise<ReadKeySet> {
  const silent = (): void => undefined;
  const { read } = await openKeys(issuer, limits, { identity: () => null, events: silent });
  const bytes = await read(AbortSignal.timeout(limits.keySetTimeoutMs));
  return readKeySet(bytes, limits.maxKeySetBytes);
}

/** What came of each issuer, for people. Issuers choose some of the text, so it is made harmless. */
export function issuersText(probes: readonly IssuerProbe[]): string {
  const rows = probes.map(({ listener, name, reachable, detail }) => [
    `${reachable ? style('green', '✓') : style('red', '✗')} ${name}`,
    listener,
    visible(detail),
  ]);
  const head = ['issuer', 'listener', 'keys'].map((title) => style('dim', title));
  const notes = probes.flatMap(({ name, notes: each }) =>
    each.map((note) => `  note: ${name}: ${visible(note)}`),
  );
  return [table([head, ...rows]), ...notes].join('\n');
}
