/** Profiles of algorithms: how files define and name them. */
import type { Profile, ProfileParts, RegistryRow } from '#crypto';
import {
  allCiphers,
  allGroups,
  allProfiles,
  allSignatureSchemes,
  cipherByName,
  DEFAULT_PROFILE,
  groupByName,
  makeProfile,
  profileByName,
  signatureByName,
} from '#crypto';
import { messageOf, nearest } from '#lib';
import { z } from 'zod';
import { settingName } from './fields.ts';
import { parsedText, Refusal } from './refusal.ts';

const BUILT_IN = allProfiles().map(({ name }) => name);

/** Name of a profile, built in or defined in the file; see {@link ownProfiles}. */
export const profileName = settingName.meta({ examples: BUILT_IN });

const definition = z.strictObject({
  extends: z
    .enum(BUILT_IN)
    .default(DEFAULT_PROFILE)
    .describe('Built-in profile whose lists hold where this one has none.'),
  groups: list('group', groupByName, allGroups())
    .optional()
    .describe('Key-exchange groups, preferred first; a peer that has one of them ends up on one.'),
  fallback_groups: list('group', groupByName, allGroups())
    .optional()
    .describe('Groups for peers that have none of `groups`; classical ones belong here.'),
  signatures: list('signature', signatureByName, allSignatureSchemes())
    .optional()
    .describe('Signature algorithms, preferred first.'),
  ciphers: list('cipher suite', cipherByName, allCiphers())
    .optional()
    .describe('TLS 1.3 cipher suites, preferred first.'),
});

/** Profiles of the deployment's own, by name. */
export const profileDefinitions = z
  .record(settingName, definition)
  .superRefine((definitions, context) => {
    for (const [name, written] of Object.entries(definitions)) {
      const message = problemOf(name, written);
      if (message !== null) context.addIssue({ code: 'custom', path: [name], message });
    }
  });

type Definition = z.output<typeof definition>;

/** The names that {@link profileName} may have in a file with these definitions. */
export function profileNames(definitions: Readonly<Record<string, unknown>>): readonly string[] {
  return [...BUILT_IN, ...Object.keys(definitions)];
}

/** The profiles that a file defines; the definitions are checked already. */
export function ownProfiles(definitions: Readonly<Record<string, Definition>>): readonly Profile[] {
  return Object.entries(definitions).map(([name, written]) => makeProfile(name, partsOf(written)));
}

function problemOf(name: string, written: Definition): string | null {
  if (BUILT_IN.includes(name)) return 'a built-in profile has this name';
  try {
    makeProfile(name, partsOf(written));
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function partsOf(written: Definition): ProfileParts {
  const base = profileByName(written.extends);
  if (base === undefined) throw new Error(`no profile ${written.extends} behind its name`);
  const [first = [], ...rest] = base.groupTiers;
  const fallback = written.fallback_groups ?? (written.groups === undefined ? rest.flat() : []);
  const tiers = [written.groups ?? first, fallback];
  return {
    groupTiers: tiers.filter((tier) => tier.length > 0),
    signatures: written.signatures ?? base.signatures,
    ciphers: written.ciphers ?? base.ciphers,
  };
}

/** Names of algorithms of one kind; the rows come out. */
function list<T extends RegistryRow>(
  kind: string,
  find: (name: string) => T | undefined,
  all: readonly T[],
) {
  const names = all.map(({ name }) => name);
  const parse = (text: string): T | Refusal =>
    find(text) ??
    new Refusal(`unknown ${kind}; known are ${names.join(', ')}`, nearest(text, names));
  return z.array(parsedText(parse));
}
