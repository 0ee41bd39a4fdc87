import { LIMITS, nearest } from '#lib';
import type { z } from 'zod';
import type { Address } from './address.ts';
import { collide, formatAddress } from './address.ts';
import { checkAliases } from './aliases.ts';
import { profileNames } from './profile.ts';
import { checkToolSets } from './tool-sets.ts';

interface Place {
  readonly path: readonly (string | number)[];
  readonly label: string;
  readonly address: Address;
}

/**
 * What one setting alone cannot tell: names used twice or meaning nothing, addresses that collide,
 * bounds the wrong way round. It runs on files with other mistakes too, so it takes nothing for granted.
 */
export function crossCheck(config: unknown, context: z.RefinementCtx): void {
  const { listeners, admin, limits, profiles, servers, federation } = asRecord(config);
  const entries = Array.isArray(listeners) ? listeners.map(asRecord) : [];
  checkNames(entries, context);
  checkAddresses([...entries.flatMap(listenerPlace), ...adminPlace(admin)], context);
  checkBackoff(asRecord(limits), context);
  checkAliases(asRecord(servers), asRecord(federation)['separator'], context);
  checkToolSets(asRecord(servers), asRecord(federation), context);
  checkProfiles(
    [
      ...entries.flatMap(listenerProfile),
      ...Object.entries(asRecord(servers)).flatMap(serverProfile),
    ],
    profileNames(asRecord(profiles)),
    context,
  );
}

interface NamedProfile {
  readonly path: readonly (string | number)[];
  readonly name: string;
}

function checkProfiles(
  named: readonly NamedProfile[],
  allowed: readonly string[],
  context: z.RefinementCtx,
): void {
  for (const { path, name } of named) {
    if (allowed.includes(name)) continue;
    const suggestion = nearest(name, allowed);
    context.addIssue({
      code: 'custom',
      path: [...path],
      message: 'not allowed: no profile has this name',
      input: name,
      params: { allowed, ...(suggestion === undefined ? {} : { suggestion }) },
    });
  }
}

function listenerProfile(entry: Record<string, unknown>, index: number): readonly NamedProfile[] {
  const { issuers } = asRecord(entry['authorization']);
  const at = ['listeners', index, 'authorization', 'issuers'];
  return [
    ...profileIn(entry['tls'], ['listeners', index, 'tls', 'profile']),
    ...(Array.isArray(issuers) ? issuers : []).flatMap((issuer, each) =>
      profileIn(asRecord(issuer)['tls'], [...at, each, 'tls', 'profile']),
    ),
  ];
}

function serverProfile([name, server]: [string, unknown]): readonly NamedProfile[] {
  const { kind, tls, authorization } = asRecord(server);
  if (typeof kind !== 'string') return [];
  const at = ['servers', name, kind];
  return [
    ...profileIn(tls, [...at, 'tls', 'profile']),
    ...profileIn(asRecord(authorization)['tls'], [...at, 'authorization', 'tls', 'profile']),
  ];
}

function profileIn(tls: unknown, path: NamedProfile['path']): readonly NamedProfile[] {
  const { profile } = asRecord(tls);
  return typeof profile === 'string' ? [{ path, name: profile }] : [];
}

function checkNames(entries: readonly Record<string, unknown>[], context: z.RefinementCtx): void {
  const seen = new Set<unknown>();
  for (const [index, { name }] of entries.entries()) {
    if (typeof name === 'string' && seen.has(name)) {
      const message = 'another listener has the same name';
      const path = ['listeners', index, 'name'];
      context.addIssue({ code: 'custom', path, message, input: name });
    }
    seen.add(name);
  }
}

function checkAddresses(places: readonly Place[], context: z.RefinementCtx): void {
  for (const [index, place] of places.entries()) {
    const other = places.slice(0, index).find(({ address }) => collide(address, place.address));
    if (other === undefined) continue;
    const message = `collides with the address of ${other.label}`;
    const input = formatAddress(place.address);
    context.addIssue({ code: 'custom', path: [...place.path], message, input });
  }
}

function checkBackoff(limits: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const kind of ['child', 'upstream'] as const) {
    const least = limits[`${kind}BackoffMinMs`] ?? LIMITS[`${kind}BackoffMinMs`].default;
    const most = limits[`${kind}BackoffMaxMs`];
    if (typeof least !== 'number' || typeof most !== 'number' || least <= most) continue;
    const message = `must be at least ${kind}_backoff_min_ms, which is ${least}`;
    const path = ['limits', `${kind}_backoff_max_ms`];
    context.addIssue({ code: 'custom', path, message, input: most });
  }
}

function listenerPlace(entry: Record<string, unknown>, index: number): readonly Place[] {
  const path = ['listeners', index, 'address'];
  const label = typeof entry.name === 'string' ? `listener "${entry.name}"` : `listener ${index}`;
  return isAddress(entry.address) ? [{ path, label, address: entry.address }] : [];
}

function adminPlace(admin: unknown): readonly Place[] {
  const { address } = asRecord(admin);
  return isAddress(address)
    ? [{ path: ['admin', 'address'], label: 'the admin listener', address }]
    : [];
}

function isAddress(value: unknown): value is Address {
  const { host, port } = asRecord(value);
  return typeof host === 'string' && typeof port === 'number';
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
