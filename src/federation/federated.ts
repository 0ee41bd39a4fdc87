import type { FederationSettings, ServerSettings } from '#config';
import type { EventSink, Limits } from '#lib';
import { Knowledge } from './knowledge.ts';
import { Members } from './members.ts';
import { Patience } from './patience.ts';
import type { ToolSet } from './tool-set.ts';
import { createToolSet, EVERYTHING } from './tool-set.ts';

/** What {@link createFederated} needs. */
export interface FederatedOptions {
  readonly servers: readonly Pick<ServerSettings, 'name' | 'alias' | 'federated'>[];
  readonly federation: FederationSettings;
  /** Version of Postern, which is the server that clients of the shared endpoint see. */
  readonly version: string;
  readonly limits: Limits;
  readonly events: EventSink;
}

/** What all exchanges with the shared endpoint have in common. */
export interface Federated {
  readonly members: Members;
  readonly sets: ReadonlyMap<string, ToolSet>;
  readonly knowledge: Knowledge;
  readonly patience: Patience;
  readonly serverInfo: { readonly name: string; readonly version: string };
  readonly limits: Limits;
  readonly events: EventSink;
  /** Logs names that a server used twice, each once. */
  tellCollisions(collisions: readonly { server: string; name: string }[]): void;
}

/** Collisions that are logged; a server that invents more would only fill the log. */
const MAX_TOLD = 1000;

/** Sets up what all exchanges share. */
export function createFederated(options: FederatedOptions): Federated {
  const { limits, events, federation } = options;
  const told = new Set<string>();
  return {
    members: new Members(options.servers, federation),
    sets: new Map(federation.sets.map((set) => [set.name, createToolSet(set)])),
    knowledge: new Knowledge(limits.maxFederatedNames),
    patience: new Patience({
      deadlineMs: limits.federationDeadlineMs,
      lanes: limits.maxFederationFanOut,
    }),
    serverInfo: { name: 'postern', version: options.version },
    limits,
    events,
    tellCollisions: (collisions) => {
      for (const { server, name } of collisions) {
        if (told.has(name) || told.size >= MAX_TOLD) continue;
        told.add(name);
        events({
          severity: 'warn',
          name: 'federation.name_collision',
          message: `server "${server}" lists a name twice; the endpoint for many servers has the first`,
          fields: { server, name },
        });
      }
    },
  };
}

/** The set of this name, all there is for `null`; `undefined` when there is none. */
export function toolSetOf({ sets }: Federated, name: string | null): ToolSet | undefined {
  return name === null ? EVERYTHING : sets.get(name);
}
