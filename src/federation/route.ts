import type { ErrorOptions } from '#lib';
import type { JsonObject, RequestFrame } from '#mcp';
import { always, editJson, InvalidParams, isObject, noSuchResource } from '#mcp';
import { resultOf } from './ask.ts';
import { NameUnknown } from './errors.ts';
import type { Federated } from './federated.ts';
import { askMember, learnResources } from './list-all.ts';
import type { Member } from './members.ts';
import { federatedName, isShort, splitName } from './names.ts';
import type { ItemKind } from './tool-set.ts';
import { federatedUri, splitUri } from './uris.ts';
import type { Era, RequestVisit } from './visit.ts';

/** A request and the member that it is for, in that member's own names. */
export interface Routed {
  readonly member: Member;
  readonly frame: RequestFrame;
}

/** Longer names and URIs are refused by policy; an alias comes before. */
const MAX_NAMED = 8192 + 64;

/** Pages of a member's list that are looked through for one name. */
const MAX_PAGES = 64;

/** Finds the member that a request names, by the method's own way of naming. */
export class Router {
  readonly #visit: RequestVisit;
  readonly #era: Era;
  readonly #federated: Federated;
  #learned: Promise<void> | null = null;

  constructor(visit: RequestVisit, era: Era, federated: Federated) {
    this.#visit = visit;
    this.#era = era;
    this.#federated = federated;
  }

  /**
   * `null` for a method that names no tool, prompt or resource.
   *
   * @throws NameUnknown when no member has what it names; InvalidParams when it names nothing.
   */
  async route(): Promise<Routed | null> {
    const { frame } = this.#visit;
    const { params } = frame;
    switch (frame.method) {
      case 'tools/call':
        return this.#byName('tool', textOf(params, 'name'));
      case 'prompts/get':
        return this.#byName('prompt', textOf(params, 'name'));
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#byUri(textOf(params, 'uri'));
      case 'completion/complete':
        return this.#byReference(params['ref']);
      default:
        return null;
    }
  }

  async #byName(kind: 'tool' | 'prompt', name: string): Promise<Routed> {
    const { member, own } = await this.#find(kind, name);
    return { member, frame: withParam(this.#visit.frame, 'name', own) };
  }

  async #byUri(uri: string): Promise<Routed> {
    const { member, own } = await this.findUri(uri);
    return { member, frame: withParam(this.#visit.frame, 'uri', own) };
  }

  async #byReference(ref: unknown): Promise<Routed> {
    if (isObject(ref) && ref['type'] === 'ref/prompt') {
      const { member, own } = await this.#find('prompt', textOf(ref, 'name'));
      return { member, frame: withReference(this.#visit.frame, ref, 'name', own) };
    }
    if (isObject(ref) && ref['type'] === 'ref/resource') {
      const { member, own } = await this.findUri(textOf(ref, 'uri'));
      return { member, frame: withReference(this.#visit.frame, ref, 'uri', own) };
    }
    throw new InvalidParams('"ref" names neither a prompt nor a resource');
  }

  async #find(kind: 'tool' | 'prompt', name: string): Promise<{ member: Member; own: string }> {
    if (name.length > MAX_NAMED) throw unknown(kind, name);
    const { members, set } = this.#visit;
    const parts = splitName(this.#federated.members.separator, name);
    const member = members.find(({ alias }) => alias === parts?.alias);
    if (parts === null || member === undefined || !set.has(kind, name)) throw unknown(kind, name);
    const own = isShort(parts.rest) ? await this.#longName(kind, member, parts.rest) : parts.rest;
    // A name that the endpoint would write differently is none of its names.
    if (own === undefined || federatedName(member.prefix, own) !== name) throw unknown(kind, name);
    return { member, own };
  }

  /** The name behind a short one, from memory or from the member's list as this caller sees it. */
  async #longName(
    kind: 'tool' | 'prompt',
    member: Member,
    short: string,
  ): Promise<string | undefined> {
    const { knowledge } = this.#federated;
    // A list without an end, or a page that takes its time, must not hold the call for long.
    const untilMs = Date.now() + this.#visit.services.limits.sessionSetupTimeoutMs;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && Date.now() < untilMs; page += 1) {
      const known = knowledge.longName(member, short);
      if (known !== undefined) return known;
      const method = `${kind}s/list`;
      const answer = await askMember(this.#visit, this.#era, member, cursor, method);
      const result = resultOf(answer) ?? {};
      for (const name of namesOf(result[`${kind}s`])) knowledge.learnName(member, name);
      if (typeof result['nextCursor'] !== 'string') break;
      cursor = result['nextCursor'];
    }
    return knowledge.longName(member, short);
  }

  /** The member that a URI is for. @throws NameUnknown */
  async findUri(uri: string): Promise<{ member: Member; own: string }> {
    if (uri.length > MAX_NAMED) throw this.#unknownResource(uri);
    const { member, own } = this.#splitUri(uri) ?? (await this.#rawUri(uri));
    if (!this.#visit.set.has('resource', federatedUri(member.scheme, own))) {
      throw this.#unknownResource(uri);
    }
    return { member, own };
  }

  /** Answered as a resource that policy denies is. */
  #unknownResource(uri: string): Error {
    return unknown('resource', uri, noSuchResource(this.#visit.call.revision, uri));
  }

  #splitUri(uri: string): { member: Member; own: string } | null {
    const parts = splitUri(uri);
    const member = this.#visit.members.find(({ scheme }) => scheme === parts?.scheme);
    return parts === null || member === undefined ? null : { member, own: parts.rest };
  }

  /**
   * A member's own URI, as results may mention it in their text. One that is not known, or not any more,
   * is looked for in the lists as this caller sees them.
   */
  async #rawUri(uri: string): Promise<{ member: Member; own: string }> {
    let having = this.#havingUri(uri);
    if (having.length === 0) {
      await (this.#learned ??= learnResources(this.#visit, this.#era, this.#federated));
      having = this.#havingUri(uri);
    }
    const [only] = having;
    if (only !== undefined && having.length === 1) return { member: only, own: uri };
    if (only !== undefined) {
      const message = `${having.length} servers have this resource: begin it with one of them`;
      throw new NameUnknown(message, { details: { prefixes: prefixesOf(having) } });
    }
    const absent = noSuchResource(this.#visit.call.revision, uri);
    throw new NameUnknown(`no list has resource ${quoted(uri)}: begin it with its server`, {
      ...absent,
      details: { ...absent.details, prefixes: prefixesOf(this.#visit.members) },
    });
  }

  #havingUri(uri: string): readonly Member[] {
    const { members, owner } = this.#visit;
    const servers = this.#federated.knowledge.serversWith(owner, uri);
    return members.filter(({ server }) => servers.includes(server));
  }
}

function prefixesOf(members: readonly Member[]): readonly string[] {
  return members.map(({ scheme }) => `${scheme}+`);
}

function withParam(frame: RequestFrame, key: 'name' | 'uri', value: string): RequestFrame {
  const bytes = editJson(frame.bytes, { params: { [key]: always(value) } });
  return { ...frame, bytes, params: { ...frame.params, [key]: value } };
}

function withReference(
  frame: RequestFrame,
  ref: JsonObject,
  key: 'name' | 'uri',
  value: string,
): RequestFrame {
  const bytes = editJson(frame.bytes, { params: { ref: { [key]: always(value) } } });
  return { ...frame, bytes, params: { ...frame.params, ref: { ...ref, [key]: value } } };
}

function namesOf(items: unknown): readonly string[] {
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) =>
    isObject(item) && typeof item['name'] === 'string' ? [item['name']] : [],
  );
}

function textOf(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidParams(`"${key}" is no string`);
}

function unknown(kind: ItemKind, name: string, options: ErrorOptions = {}): Error {
  return new NameUnknown(`no ${kind} ${quoted(name)} at this endpoint`, options);
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
