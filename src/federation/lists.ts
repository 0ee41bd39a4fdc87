import type { JsonObject } from '#mcp';
import { isObject, RPC } from '#mcp';
import type { Answer } from './ask.ts';
import { errorCodeOf, reasonOf, resultOf } from './ask.ts';
import { formatCursor } from './cursor.ts';
import type { Knowledge } from './knowledge.ts';
import type { ListShape } from './list-shapes.ts';
import type { Member } from './members.ts';
import type { Outcome } from './patience.ts';
import { rewriteToolMeta } from './rewrite.ts';
import type { ToolSet } from './tool-set.ts';
import { federatedUri } from './uris.ts';

/** Keys of `_meta` in which a list tells what it lacks. */
export const META_MISSING = 'org.postern/missing';
export const META_COLLISIONS = 'org.postern/collisions';

/** Longer names cost more to remember than they can be worth, and longer URIs are refused by policy. */
const MAX_OWN_NAME = 1024;
const MAX_OWN_URI = 8192;

/** Collisions that a list tells of. */
const MAX_COLLISIONS = 100;

/** JSON-RPC code with which policy refuses. */
const DENIED = -32003;

/** One member's part of a list. */
export interface Part {
  readonly member: Member;
  readonly outcome: Outcome<Answer>;
}

/** A member whose items are not in the list. */
export interface Missing {
  readonly server: string;
  readonly reason: string;
}

/** The parts of many members as one list. */
export interface MergedList {
  readonly result: JsonObject;
  /** Names that one member used twice; the first item of each is in the list. */
  readonly collisions: readonly { readonly server: string; readonly name: string }[];
}

interface MergeContext {
  readonly shape: ListShape;
  readonly set: ToolSet;
  readonly knowledge: Knowledge;
  readonly owner: string;
  /** Whether results tell how they may be cached (2026-07-28, "Caching"). */
  readonly cacheable: boolean;
  /** Bytes of the members' answers together. */
  readonly maxBytes: number;
}

/** Makes one list of the members' parts, with names and URIs of the endpoint. */
export function mergeLists(parts: readonly Part[], context: MergeContext): MergedList {
  const merge = new Merge(context);
  for (const part of parts) merge.add(part);
  return merge.finish();
}

class Merge {
  readonly #context: MergeContext;
  readonly #items = new Map<string, JsonObject>();
  readonly #missing: Missing[] = [];
  readonly #collisions: { server: string; name: string }[] = [];
  readonly #cursors = new Map<string, string>();
  #ttlMs = Number.POSITIVE_INFINITY;
  #bytes = 0;

  constructor(context: MergeContext) {
    this.#context = context;
  }

  add({ member, outcome }: Part): void {
    const { server } = member;
    const answer = outcome.kind === 'answered' ? outcome.value : null;
    const result = answer === null ? null : resultOf(answer);
    if (result === null) {
      const reason = whyMissing(outcome);
      if (reason !== null) this.#missing.push({ server, reason });
      return;
    }
    const bytes = this.#bytes + (answer?.frame?.bytes.length ?? 0);
    if (bytes > this.#context.maxBytes) {
      this.#missing.push({ server, reason: 'the list would be too long' });
      return;
    }
    this.#bytes = bytes;
    this.#addItems(member, result);
    const { nextCursor, ttlMs } = result;
    if (typeof nextCursor === 'string') this.#cursors.set(server, nextCursor);
    this.#ttlMs = Math.min(this.#ttlMs, typeof ttlMs === 'number' ? ttlMs : 0);
  }

  finish(): MergedList {
    const { shape, cacheable } = this.#context;
    const { cursor, left } = formatCursor(this.#cursors);
    for (const server of left) this.#missing.push({ server, reason: 'its cursor is too long' });
    const fresh = this.#missing.length === 0 && Number.isFinite(this.#ttlMs);
    const meta = this.#meta();
    const result = {
      ...(cacheable ? { resultType: 'complete' } : {}),
      [shape.items]: [...this.#items.values()],
      ...(cursor === null ? {} : { nextCursor: cursor }),
      ...(cacheable ? { ttlMs: fresh ? this.#ttlMs : 0, cacheScope: 'private' } : {}),
      ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }),
    };
    return { result, collisions: this.#collisions };
  }

  #addItems(member: Member, result: JsonObject): void {
    const { shape, set } = this.#context;
    for (const item of itemsOf(result, shape)) {
      const name = nameFor(item[shape.name] as string, member, this.#context);
      if (!set.has(shape.kind, name)) continue;
      if (this.#items.has(name)) this.#collisions.push({ server: member.server, name });
      else this.#items.set(name, renamed(item, name, member, shape));
    }
  }

  #meta(): JsonObject {
    const collisions = this.#collisions.slice(0, MAX_COLLISIONS);
    return {
      ...(this.#missing.length === 0 ? {} : { [META_MISSING]: this.#missing }),
      ...(collisions.length === 0 ? {} : { [META_COLLISIONS]: collisions }),
    };
  }
}

/** `null` for a member that has no such list, or that policy keeps from the caller. */
function whyMissing(outcome: Outcome<Answer>): string | null {
  switch (outcome.kind) {
    case 'late':
      return 'it has not answered in time';
    case 'failed':
      return outcome.error instanceof Error ? outcome.error.message.slice(0, 300) : 'failed';
    case 'answered': {
      const code = errorCodeOf(outcome.value);
      return code === RPC.methodNotFound || code === DENIED ? null : reasonOf(outcome.value);
    }
  }
}

function itemsOf(result: JsonObject, { items, name }: ListShape): readonly JsonObject[] {
  const list = result[items];
  if (!Array.isArray(list)) return [];
  return list.filter(
    (item: unknown): item is JsonObject => isObject(item) && isUsable(item[name], name),
  );
}

function isUsable(text: unknown, key: ListShape['name']): boolean {
  const max = key === 'name' ? MAX_OWN_NAME : MAX_OWN_URI;
  return typeof text === 'string' && text !== '' && text.length <= max;
}

function nameFor(own: string, member: Member, { shape, knowledge, owner }: MergeContext): string {
  if (shape.name === 'name') return knowledge.learnName(member, own);
  if (shape.name === 'uri') knowledge.learnResource(owner, member.server, own);
  return federatedUri(member.scheme, own);
}

function renamed(item: JsonObject, name: string, member: Member, shape: ListShape): JsonObject {
  const meta = shape.kind === 'tool' ? rewriteToolMeta(item['_meta'], member) : undefined;
  return { ...item, [shape.name]: name, ...(meta === undefined ? {} : { _meta: meta }) };
}
