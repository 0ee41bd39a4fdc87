import type { JsonObject } from '#mcp';
import { isObject } from '#mcp';
import type { Member } from './members.ts';
import { Memory } from './memory.ts';
import { federatedName, isShort } from './names.ts';

/** What a server said of itself in `initialize` or `server/discover`. */
export interface Introduction {
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
}

/** A server may be replaced by a newer one while the gateway runs. */
const INTRODUCTION_MS = 5 * 60_000;

/** Callers whose resources are remembered. */
const MAX_CALLERS = 1000;

/** What the gateway has learned of the servers; each fact can be learned again. */
export class Knowledge {
  readonly #max: number;
  readonly #introductions = new Map<string, Introduction & { readonly untilMs: number }>();
  /** Short names by server. */
  readonly #names = new Map<string, Memory<string>>();
  /** Servers that have a resource, by caller and its own URI. */
  readonly #resources = new Memory<Memory<ReadonlySet<string>>>(MAX_CALLERS);

  /** @param max short names of one server, and resources of one caller, that are remembered. */
  constructor(max: number) {
    this.#max = max;
  }

  introduced(server: string, result: JsonObject): void {
    const { capabilities, instructions } = result;
    this.#introductions.set(server, {
      capabilities: isObject(capabilities) ? capabilities : {},
      instructions: typeof instructions === 'string' ? instructions : null,
      untilMs: Date.now() + INTRODUCTION_MS,
    });
  }

  introduction(server: string): Introduction | undefined {
    const known = this.#introductions.get(server);
    return known === undefined || known.untilMs < Date.now() ? undefined : known;
  }

  /** Whether a server has said that it lacks a capability. */
  lacks(server: string, capability: string): boolean {
    const known = this.#introductions.get(server);
    return known !== undefined && known.capabilities[capability] === undefined;
  }

  /** Keeps a name if it had to be shortened; returns the federated one. */
  learnName(member: Member, name: string): string {
    const federated = federatedName(member.prefix, name);
    const rest = federated.slice(member.prefix.length);
    if (isShort(rest)) this.#namesOf(member).set(rest, name);
    return federated;
  }

  /** The name that a short one stands for. */
  longName(member: Member, short: string): string | undefined {
    return this.#namesOf(member).get(short);
  }

  learnResource(owner: string, server: string, uri: string): void {
    let own = this.#resources.get(owner);
    if (own === undefined) this.#resources.set(owner, (own = new Memory(this.#max)));
    const known = own.get(uri);
    if (known?.has(server) !== true) own.set(uri, new Set([...(known ?? []), server]));
  }

  /** Servers that had this resource in a list that this caller has seen. */
  serversWith(owner: string, uri: string): readonly string[] {
    return [...(this.#resources.get(owner)?.get(uri) ?? [])];
  }

  #namesOf({ server }: Member): Memory<string> {
    const known = this.#names.get(server) ?? new Memory<string>(this.#max);
    this.#names.set(server, known);
    return known;
  }
}
