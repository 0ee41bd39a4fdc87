import type { ListenerSettings } from '#config';
import type { Profile } from '#crypto';
import { profileByName } from '#crypto';
import type { GatewayIdentity, ServerCredential } from '#identity';
import type { Policy } from '#policy';
import { profileUnder } from '#policy';
import type { EpochPlan, ServerTls } from '#tls';
import { RolloutFileInvalid } from './errors.ts';
import type { Rollouts } from './rollout.ts';
import { stableProfile } from './rollout.ts';

/** What decides the TLS of all listeners. Immutable; replaced whole. */
export interface TlsState {
  readonly identity: GatewayIdentity;
  readonly policy: Policy;
  readonly configured: TlsConfiguration;
  readonly rollouts: Rollouts;
}

/** What the configuration says about TLS. */
export interface TlsConfiguration {
  /** The deployment's own profiles, besides the built-in ones. */
  readonly profiles: readonly Profile[];
  /** The listeners with TLS, by name. */
  readonly listeners: ReadonlyMap<string, ListenerTls>;
}

/** What the configuration says about one listener. */
export interface ListenerTls {
  readonly settings: NonNullable<ListenerSettings['tls']>;
  readonly files: ListenerFiles;
}

/** What files say about a listener instead of, or besides, the gateway's own identity. */
export interface ListenerFiles {
  /** Shown instead of the gateway's own certificates; `null` for those. */
  readonly credentials: readonly ServerCredential[] | null;
  /** PEM of authorities whose client certificates are taken besides the gateway's own. */
  readonly clientCaPem: string;
  /** PEM of revocation lists for client certificates, one list each. */
  readonly crls: readonly string[];
}

/** The certificates of a listener. */
export interface ListenerCertificates {
  readonly listener: string;
  /** Whether they come from files; the gateway's own otherwise. */
  readonly fromFiles: boolean;
  /** Those that a profile in force allows to be shown. */
  readonly credentials: readonly ServerCredential[];
}

/** What a listener's new connections work with. @throws NothingAllowed */
export function epochPlan(listener: string, state: TlsState): EpochPlan {
  const stable = stableTls(listener, state);
  const rollout = state.rollouts.get(listener);
  if (rollout?.phase !== 'canary') return { stable, canary: null };
  const { profile, percent, sticky } = rollout;
  return { stable, canary: { tls: serverTls(listener, profile, state), percent, sticky } };
}

/** The part of {@link epochPlan} that does without a canary. @throws NothingAllowed */
export function stableTls(listener: string, state: TlsState): ServerTls {
  const { profile } = configuredFor(listener, state.configured).settings;
  return serverTls(listener, stableProfile(profile.name, state.rollouts.get(listener)), state);
}

/** What a listener shows to new clients. @throws NothingAllowed */
export function certificatesShown(listener: string, state: TlsState): ListenerCertificates {
  const { stable, canary } = epochPlan(listener, state);
  const profiles = canary === null ? [stable.profile] : [stable.profile, canary.tls.profile];
  return {
    listener,
    fromFiles: configuredFor(listener, state.configured).files.credentials !== null,
    credentials: stable.credentials.filter(({ scheme }) =>
      profiles.some(({ signatures }) => signatures.includes(scheme)),
    ),
  };
}

/** The profile of this name, built in or the deployment's own. */
export function profileNamed(name: string, { profiles }: TlsConfiguration): Profile | undefined {
  return profileByName(name) ?? profiles.find((profile) => profile.name === name);
}

/**
 * The rollouts that are still meant: where the configuration names another profile than at a
 * rollout's start, its word is the newer one.
 *
 * @throws RolloutFileInvalid when one names a profile that is not there.
 */
export function rolloutsUnder(rollouts: Rollouts, configured: TlsConfiguration): Rollouts {
  const kept = [...rollouts].filter(([name, rollout]) => {
    return configured.listeners.get(name)?.settings.profile.name === rollout.configured;
  });
  for (const [name, { phase, profile }] of kept) {
    if (phase !== 'rolled_back' && profileNamed(profile, configured) === undefined) {
      throw new RolloutFileInvalid(`there is no profile "${profile}" for listener ${name}`);
    }
  }
  return new Map(kept);
}

function serverTls(listener: string, profileName: string, state: TlsState): ServerTls {
  const { identity, policy, configured } = state;
  const { settings, files } = configuredFor(listener, configured);
  const profile = profileNamed(profileName, configured) ?? settings.profile;
  const own = files.credentials;
  const caPem = identity.caPem + files.clientCaPem;
  return {
    credentials: own ?? identity.credentials,
    caPem,
    ownCaPem: identity.caPem,
    foreignNames: files.clientCaPem === '' ? null : settings.clientCaNames,
    secondCaPem: files.crls.length === 0 ? caPem : identity.caPem,
    crls: files.crls,
    rootsPem: own === null ? identity.caPem : null,
    profile: profileUnder(policy.links, profile),
    clientCertificates: settings.clientCertificates,
    secondProof: settings.secondProof,
  };
}

function configuredFor(listener: string, { listeners }: TlsConfiguration): ListenerTls {
  const found = listeners.get(listener);
  if (found === undefined) throw new Error(`listener ${listener} is not configured for TLS`);
  return found;
}
