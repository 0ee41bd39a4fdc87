import { isAbsolute } from 'node:path';
import type { SecretSource } from './secret.ts';
import type {
  HttpSettings,
  IssuerSettings,
  ListenerSettings,
  ServerSettings,
  Settings,
} from './settings.ts';

/** Files that a configuration names, and itself: what sandboxed programs must not get at. */
export interface NamedFiles {
  /** Keys, passphrases and other secrets, and what decides over access: not for them to see. */
  readonly secret: readonly string[];
  /** Certificates, authorities, revocation lists, programs run outside a sandbox: not for them to change. */
  readonly trusted: readonly string[];
}

/** @param file The configuration itself; `null` when it was not in a file. */
export function namedFiles(settings: Omit<Settings, 'files'>, file: string | null): NamedFiles {
  const { sealingKeysFile, policyFile, listeners, servers } = settings;
  const named = [...listeners.map(ofListener), ...servers.map(ofServer)];
  const own = [file, sealingKeysFile, policyFile];
  return {
    secret: [...own, ...named.flatMap(({ secret }) => secret)].filter((path) => path !== null),
    trusted: named.flatMap(({ trusted }) => trusted),
  };
}

function ofListener({ tls, authorization }: ListenerSettings): NamedFiles {
  const issuers = (authorization?.issuers ?? []).map(ofIssuer);
  const certificates = tls?.certificates ?? [];
  const lists = [tls?.clientCaFile, tls?.clientCrlFile];
  return {
    secret: [
      ...certificates.map(({ keyFile }) => keyFile),
      ...issuers.flatMap(({ secret }) => secret),
    ],
    trusted: [
      ...certificates.map(({ certificateFile }) => certificateFile),
      ...lists.flatMap((path) => path ?? []),
      ...issuers.flatMap(({ trusted }) => trusted),
    ],
  };
}

function ofIssuer({ keys, tls }: IssuerSettings): NamedFiles {
  const { secret, trusted } = ofLink(tls);
  return { secret, trusted: keys.kind === 'file' ? [...trusted, keys.file] : trusted };
}

function ofServer({ transport }: ServerSettings): NamedFiles {
  if (transport.kind !== 'stdio') {
    const { tls, headerSources, authorization } = transport;
    const all = [ofLink(tls), ofSources(headerSources), ofAuthorization(authorization)];
    return {
      secret: all.flatMap(({ secret }) => secret),
      trusted: all.flatMap(({ trusted }) => trusted),
    };
  }
  const { command, confinement, envSources } = transport;
  const { secret, trusted } = ofSources(envSources);
  const confined = confinement.sandbox === 'strict' || !isAbsolute(command);
  return { secret, trusted: confined ? trusted : [...trusted, command] };
}

function ofLink(tls: HttpSettings['tls']): NamedFiles {
  if (tls === null) return { secret: [], trusted: [] };
  const { ca, crlFile, clientCertificate, secondCertificate } = tls;
  const shown = clientCertificate === 'gateway' ? null : clientCertificate;
  const container = shown !== null && 'pkcs12File' in shown ? shown : null;
  const pairs = [secondCertificate, shown !== null && 'keyFile' in shown ? shown : null];
  const files = pairs.filter((pair) => pair !== null);
  return {
    secret: [
      ...(container === null ? [] : [container.pkcs12File, container.passphraseFile]),
      ...files.map(({ keyFile }) => keyFile),
    ],
    trusted: [
      ...files.map(({ certificateFile }) => certificateFile),
      ...(typeof ca === 'object' && ca !== null ? [ca.file] : []),
      ...(crlFile === null ? [] : [crlFile]),
    ],
  };
}

function ofAuthorization(authorization: HttpSettings['authorization']): NamedFiles {
  if (authorization === null) return { secret: [], trusted: [] };
  const { proof, tls } = authorization;
  const link = ofLink(tls);
  if (proof === null) return link;
  if ('keyFile' in proof) return { ...link, secret: [...link.secret, proof.keyFile] };
  const { secret } = proof;
  const source = ofSources(typeof secret === 'string' ? {} : { secret });
  return {
    secret: [...link.secret, ...source.secret],
    trusted: [...link.trusted, ...source.trusted],
  };
}

/** The gateway itself runs the commands, with all that it may do. */
function ofSources(sources: Readonly<Record<string, SecretSource>>): NamedFiles {
  const all = Object.values(sources);
  return {
    secret: all.flatMap((source) => (source.kind === 'file' ? [source.file] : [])),
    trusted: all
      .flatMap((source) => (source.kind === 'command' ? [source.command[0]] : []))
      .filter((program) => isAbsolute(program)),
  };
}
