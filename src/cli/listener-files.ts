import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ListenerSettings } from '#config';
import { signatureOfKey } from '#crypto';
import type { ListenerFiles } from '#gateway';
import type { ServerCredential } from '#identity';
import type { EventSink } from '#lib';
import { messageOf, watchFiles } from '#lib';
import type { FollowEvents, FollowedFiles, PemCredential } from './link-files.ts';
import { authorityFile, ownRevocationLists, pemFiles, revocationFile } from './link-files.ts';
import { LinkFileInvalid } from './errors.ts';

type TlsSettings = NonNullable<ListenerSettings['tls']>;
type Content = ReadonlyMap<string, ListenerFiles>;

/** The files that listeners' settings name, kept up to date while the gateway runs. */
export interface ListenerFileSet {
  /** What they hold, by name of the listener. */
  readonly current: () => Content;
  /**
   * Has changed files put in force by `apply`. What cannot be used is alerted and leaves in force
   * what was; the next change may mend it.
   *
   * @returns what ends this.
   */
  readonly watch: (apply: () => Promise<void>) => () => void;
}

/**
 * Reads the files of all listeners.
 *
 * @throws LinkFileInvalid when one cannot be read, or does not hold what it should.
 */
export async function openListenerFiles(
  listeners: readonly ListenerSettings[],
  stateDir: string,
  events: EventSink,
): Promise<ListenerFileSet> {
  let onChange = (): void => undefined;
  const secured = listeners.flatMap(({ name, tls }) => {
    if (tls === null) return [];
    const tell = tellerOf(name, events, () => onChange());
    return [{ name, files: filesOf(tls, stateDir, tell) }];
  });
  const all = secured.flatMap(({ files }) => partsOf(files));
  await Promise.all(all.map(({ kept }) => kept.start()));
  const current = (): Content =>
    new Map(secured.map(({ name, files }) => [name, contentOf(files)] as const));
  return {
    current,
    watch: (apply) => {
      onChange = () => void applyTelling(apply, events);
      const paths = all.flatMap((part) => part.paths);
      if (paths.length === 0) return () => undefined;
      return watchFiles(paths, {
        look: () => {
          for (const { kept } of all) void kept.refresh();
        },
        onUnwatched: (thrown) => tellUnwatched(thrown, events),
      });
    },
  };
}

interface OneListener {
  readonly credentials: readonly FollowedFiles<PemCredential>[];
  readonly clientCa: FollowedFiles<string> | null;
  readonly crls: FollowedFiles<readonly string[]> | null;
  /** With lists of others, OpenSSL wants the gateway's own too. */
  readonly ownCrls: FollowedFiles<readonly string[]> | null;
}

function filesOf(
  { certificates, clientCaFile, clientCrlFile }: TlsSettings,
  stateDir: string,
  tell: FollowEvents,
): OneListener {
  return {
    credentials: certificates.map((files) =>
      // Judged before it is in force: one listener must not stand in the way of the others.
      pemFiles(files, tell, (pem) => void serverCredential(pem, [files.keyFile])),
    ),
    clientCa: clientCaFile === null ? null : authorityFile(clientCaFile, tell),
    crls: clientCrlFile === null ? null : revocationFile(clientCrlFile, tell),
    ownCrls: clientCrlFile === null ? null : ownRevocationLists(stateDir, tell),
  };
}

function partsOf({
  credentials,
  clientCa,
  crls,
  ownCrls,
}: OneListener): readonly FollowedFiles<unknown>[] {
  return [...credentials, clientCa, crls, ownCrls].filter((part) => part !== null);
}

function contentOf({ credentials, clientCa, crls, ownCrls }: OneListener): ListenerFiles {
  const own = credentials.flatMap(({ kept, paths }) =>
    kept.value === null ? [] : [serverCredential(kept.value, paths)],
  );
  return {
    credentials: own.length === 0 ? null : own,
    clientCaPem: clientCa?.kept.value ?? '',
    crls: [...(crls?.kept.value ?? []), ...(ownCrls?.kept.value ?? [])],
  };
}

const made = new WeakMap<PemCredential, ServerCredential>();

/** What a TLS server shows; always the same for the same content, so that it is no new epoch. */
function serverCredential(pem: PemCredential, paths: readonly string[]): ServerCredential {
  const existing = made.get(pem);
  if (existing !== undefined) return existing;
  const scheme = signatureOfKey(createPrivateKey(pem.keyPem));
  if (scheme === undefined) {
    throw new LinkFileInvalid(`${paths.join(', ')}: TLS 1.3 cannot sign with such a key`);
  }
  const credential = { ...pem, scheme, leaf: new X509Certificate(pem.chainPem) };
  made.set(pem, credential);
  return credential;
}

async function applyTelling(apply: () => Promise<void>, events: EventSink): Promise<void> {
  try {
    await apply();
  } catch (thrown) {
    events({
      severity: 'alert',
      name: 'listener.files_unusable',
      message: 'no listener could work with the changed files: what was in force stays so',
      fields: { why: messageOf(thrown) },
    });
  }
}

function tellerOf(listener: string, events: EventSink, onChange: () => void): FollowEvents {
  return {
    onChange: (files) => {
      events({
        severity: 'info',
        name: 'listener.files_reloaded',
        message: `new connections to listener ${listener} use the changed files`,
        fields: { listener, files },
      });
      onChange();
    },
    onTrouble: (files, thrown) => {
      events({
        severity: 'alert',
        name: 'listener.files_unusable',
        message: `changed files of listener ${listener} cannot be used: what they held before stays in force`,
        fields: { listener, files, why: messageOf(thrown) },
      });
    },
  };
}

function tellUnwatched(thrown: unknown, events: EventSink): void {
  events({
    severity: 'warn',
    name: 'listener.files_not_watched',
    message: 'files of listeners cannot be watched: changes are noticed after a few seconds',
    fields: { why: messageOf(thrown) },
  });
}
