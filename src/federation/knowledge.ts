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

/** Longest text of its instructions that is kept, in characters. */
const MAX_INSTRUCTIONS = 4096;

/** Largest JSON text of the capabilities beyond the known ones that is kept, in characters. */
const MAX_EXTENSIONS = 16 * 1024;

/** Introductions that are kept of all callers and servers; most are a few hundred bytes. */
const MAX_INTRODUCTIONS = 4096;

const MAX_REMEMBERED_URI = 1024;

const KNOWN_CAPABILITIES = ['tools', 'prompts', 'resources', 'logging', 'completions'] as const;

/** What the gateway has learned of the servers; each fact can be learned again. */
export class Knowledge {
  readonly #max: number;
  /** By caller, since a server may say another thing to each, or have one speak through it. */
  readonly #introductions = new Memory<Introduction & { readonly untilMs: number }>(
    MAX_INTRODUCTIONS,
  );
  /** Short names by server. */
  readonly #names = new Map<string, Memory<string>>();
  /** Servers that have a resource, by caller and its own URI. */
  readonly #resources: Memory<ReadonlySet<string>>;

  /** @param max short names of one server, and resources of all, that are remembered. */
  constructor(max: number) {
    this.#max = max;
    this.#resources = new Memory(max);
  }

  introduced(owner: string, server: string, result: JsonObject): void {
    const { capabilities, instructions } = result;
    this.#introductions.set(keyOf(owner, server), {
      capabilities: isObject(capabilities) ? boundedCapabilities(capabilities) : {},
      instructions: typeof instructions === 'string' ? shortened(instructions) : null,
      untilMs: Date.now() + INTRODUCTION_MS,
    });
  }

  introduction(owner: string, server: string): Introduction | undefined {
    const known = this.#introductions.get(keyOf(owner, server));
    return known === undefined || known.untilMs < Date.now() ? undefined : known;
  }

  /** Whether a server has said to a caller that it lacks a capability. */
  lacks(owner: string, server: string, capability: string): boolean {
    const known = this.#introductions.get(keyOf(owner, server));
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

  /** Keeps which server has a resource, unless its URI is too long to be worth it. */
  learnResource(owner: string, server: string, uri: string): void {
    if (uri.length > MAX_REMEMBERED_URI) return;
    const key = keyOf(owner, uri);
    const known = this.#resources.get(key);
    if (known?.has(server) !== true) this.#resources.set(key, new Set([...(known ?? []), server]));
  }

  /** Servers that had this resource in a list that this caller has seen. */
  serversWith(owner: string, uri: string): readonly string[] {
    return [...(this.#resources.get(keyOf(owner, uri)) ?? [])];
  }

  #namesOf({ server }: Member): Memory<string> {
    const known = this.#names.get(server) ?? new Memory<string>(this.#max);
    this.#names.set(server, known);
    return known;
  }
}

function keyOf(owner: string, own: string): string {
  return JSON.stringify([owner, own]);
}

/** What the endpoint may pass on, bounded since it is kept. */
function boundedCapabilities(capabilities: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {};
  for (const key of KNOWN_CAPABILITIES) {
    const one = capabilities[key];
    if (isObject(one)) kept[key] = { subscribe: one['subscribe'] === true };
  }
  const { extensions } = capabilities;
  const fits = isObject(extensions) && JSON.stringify(extensions).length <= MAX_EXTENSIONS;
  return fits ? { ...kept, extensions } : kept;
}

function shortened(text: string): string {
  return text.length <= MAX_INSTRUCTIONS ? text : `${text.slice(0, MAX_INSTRUCTIONS)}…`;
}
