import type { JsonObject } from '#mcp';
import { InvalidParams, isObject } from '#mcp';
import type { ReplySink } from '#pipeline';
import { aborted } from './aborted.ts';
import type { Federated } from './federated.ts';
import type { Listeners } from './listeners.ts';
import type { Member } from './members.ts';
import { Router } from './route.ts';
import { FLAGS, Subscription } from './subscription.ts';
import type { Era, RequestVisit } from './visit.ts';

/** As many as policy decides in one message. */
const MAX_RESOURCES = 1000;

/**
 * Answers `subscriptions/listen` (2026-07-28, "Subscriptions") with one stream of what all members tell:
 * their acknowledgements as one, then their notifications, list changes gathered.
 *
 * @throws NameUnknown for a resource that is at no member of this caller; InvalidParams.
 */
export async function listen(
  visit: RequestVisit,
  era: Era,
  sink: ReplySink,
  federated: Federated,
  listeners: Listeners,
): Promise<void> {
  const filters = await filtersOf(visit, new Router(visit, era, federated));
  const subscription = new Subscription(visit, sink);
  const stop = listeners.add({
    owner: visit.owner,
    via: visit.call.via,
    changes: subscription.changes,
  });
  sink.openEvents({ sessionId: null });
  const running = [...filters].map(([member, filter]) => subscription.follow(era, member, filter));
  try {
    await subscription.acknowledge(federated.limits.federationDeadlineMs);
    await Promise.all([aborted(visit.call.signal), ...running]);
  } finally {
    stop();
    subscription.changes.stop();
  }
}

/** What each member is asked for: the list changes, and its own resources. */
async function filtersOf(
  visit: RequestVisit,
  router: Router,
): Promise<ReadonlyMap<Member, JsonObject>> {
  const asked = visit.frame.params['notifications'];
  const wanted = isObject(asked) ? asked : {};
  const flags = Object.fromEntries(
    Object.keys(FLAGS).flatMap((key) => (wanted[key] === true ? [[key, true]] : [])),
  );
  const filters = new Map<Member, JsonObject>();
  if (Object.keys(flags).length > 0) {
    for (const member of visit.members) filters.set(member, flags);
  }
  for (const [member, own] of await ownUris(wanted['resourceSubscriptions'] ?? [], router)) {
    filters.set(member, { ...filters.get(member), resourceSubscriptions: own });
  }
  return filters;
}

/** The resources of a filter by member, each as its member calls it. */
async function ownUris(
  uris: unknown,
  router: Router,
): Promise<ReadonlyMap<Member, readonly string[]>> {
  if (!Array.isArray(uris) || uris.length > MAX_RESOURCES) {
    throw new InvalidParams(`"resourceSubscriptions" is no array of up to ${MAX_RESOURCES} URIs`);
  }
  const found = new Map<Member, string[]>();
  for (const uri of uris as unknown[]) {
    if (typeof uri !== 'string') throw new InvalidParams('a subscribed resource is not a string');
    const { member, own } = await router.findUri(uri);
    const known = found.get(member);
    if (known === undefined) found.set(member, [own]);
    else known.push(own);
  }
  return found;
}
