import type { JsonObject } from '#mcp';
import { isObject } from '#mcp';
import type { Federated } from './federated.ts';
import type { Introduction } from './knowledge.ts';
import { META_MISSING } from './lists.ts';
import type { Member } from './members.ts';
import type { Question } from './patience.ts';
import type { Era, Visit } from './visit.ts';

/** Longest text of all servers together, in characters. */
const MAX_ALL_INSTRUCTIONS = 32 * 1024;

const LISTS = ['tools', 'prompts', 'resources'] as const;

/** What `initialize` and `server/discover` say of all members together. */
export interface Merged {
  readonly capabilities: JsonObject;
  readonly instructions: string | null;
  /** `_meta` of the result; empty when nobody is missing. */
  readonly meta: JsonObject;
}

/**
 * Makes sure that each member has introduced itself, as far as the deadline allows, and merges what
 * they said.
 *
 * @param meet has one member introduce itself.
 */
export async function introduceAll(
  visit: Visit,
  era: Era,
  { knowledge, patience }: Federated,
  meet: (member: Member) => Promise<void>,
): Promise<Merged> {
  const strangers = visit.members.filter(
    ({ server }) => knowledge.introduction(visit.owner, server) === undefined,
  );
  const questions = strangers.map((member): Question<void> => {
    const { server } = member;
    return {
      asked: JSON.stringify([visit.owner, server]),
      key: JSON.stringify([era.key, server, 'introduction']),
      ask: () => meet(member),
      onLate: () => {
        for (const list of LISTS) era.changed(`notifications/${list}/list_changed`);
      },
    };
  });
  const outcomes = await patience.askAll(questions);
  const missing = strangers.flatMap(({ server }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined || outcome.kind === 'answered') return [];
    const failed = outcome.kind === 'failed' && outcome.error instanceof Error;
    const reason = failed ? outcome.error.message.slice(0, 300) : 'it has not answered in time';
    return [{ server, reason }];
  });
  const known = visit.members.flatMap((member) => {
    const introduction = knowledge.introduction(visit.owner, member.server);
    return introduction === undefined ? [] : [{ member, introduction }];
  });
  return {
    capabilities: mergeCapabilities(
      known.map(({ introduction }) => introduction.capabilities),
      missing.length > 0,
    ),
    instructions: mergeInstructions(known),
    meta: missing.length === 0 ? {} : { [META_MISSING]: missing },
  };
}

/**
 * What the endpoint can do: what some member can. Changes of lists are told always, since members come
 * and go; tasks are not, since their ids do not tell whose they are.
 *
 * @param more whether there are members that have not said what they can.
 */
export function mergeCapabilities(all: readonly JsonObject[], more: boolean): JsonObject {
  const merged: Record<string, unknown> = {};
  for (const list of LISTS) {
    if (more || all.some((one) => one[list] !== undefined)) merged[list] = { listChanged: true };
  }
  const subscribes = all.some((one) => isObject(one['resources']) && one['resources']['subscribe']);
  if (subscribes) merged['resources'] = { listChanged: true, subscribe: true };
  for (const simple of ['logging', 'completions']) {
    if (all.some((one) => one[simple] !== undefined)) merged[simple] = {};
  }
  const extensions = Object.assign(
    {},
    ...all.map((one) => (isObject(one['extensions']) ? one['extensions'] : {})),
  ) as Record<string, unknown>;
  delete extensions['io.modelcontextprotocol/tasks'];
  return Object.keys(extensions).length === 0 ? merged : { ...merged, extensions };
}

function mergeInstructions(
  known: readonly { readonly member: Member; readonly introduction: Introduction }[],
): string | null {
  let text = '';
  for (const { member, introduction } of known) {
    const own = introduction.instructions?.trim() ?? '';
    if (own === '') continue;
    const part = `## ${member.alias} (${member.prefix}*)\n\n${own}\n\n`;
    if (text.length + part.length > MAX_ALL_INSTRUCTIONS) break;
    text += part;
  }
  return text === '' ? null : text.trimEnd();
}
