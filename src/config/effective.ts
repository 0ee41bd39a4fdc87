import type { Profile } from '#crypto';
import type { YamlPath } from '#lib';
import { formatPath, looksSecret, maskUrls, REDACTED } from '#lib';
import { formatAddress } from './address.ts';
import { LIMIT_NAMES, limitKey } from './limits-schema.ts';
import type { Origins } from './load.ts';
import type { SecretSource } from './secret.ts';
import { describeSource } from './secret.ts';
import type {
  AuthorizationSettings,
  HttpSettings,
  IssuerSettings,
  ListenerSettings,
  Settings,
  StdioSettings,
  ToolSetSettings,
} from './settings.ts';

/** One setting in force, as postern.yaml would say it. Secrets are masked. */
export interface EffectiveSetting {
  /** `listeners[0].tls.profile` */
  readonly path: string;
  /** `null` where nothing is set. */
  readonly value: string | number | readonly string[] | null;
  /** `default`, or `file:line`. */
  readonly origin: string;
}

type Row = readonly [path: YamlPath, value: EffectiveSetting['value']];

/** Every setting in force with its origin, in the order of the documentation. */
export function effectiveSettings(
  settings: Settings,
  origins: Origins,
): readonly EffectiveSetting[] {
  return rowsOf(settings).map(([path, value]) => ({
    path: formatPath(path),
    value,
    origin: origins(path),
  }));
}

function rowsOf(settings: Settings): readonly Row[] {
  const { admin, limits } = settings;
  return [
    [['state_dir'], settings.stateDir],
    [['trust_domain'], settings.trustDomain],
    [['sealing_keys'], settings.sealingKeysFile],
    [['policy'], settings.policyFile],
    ...settings.profiles.flatMap(profileRows),
    [['workers'], settings.workers],
    ...settings.listeners.flatMap((listener, index) => listenerRows(listener, index)),
    admin === null ? [['admin'], 'off'] : [['admin', 'address'], formatAddress(admin)],
    ...settings.servers.flatMap(({ name, transport, alias, federated, era, bridged }) => [
      ...(transport.kind === 'stdio'
        ? stdioRows(transport, ['servers', name, 'stdio'])
        : httpRows(transport, ['servers', name, transport.kind])),
      [['servers', name, 'era'], era] satisfies Row,
      [['servers', name, 'bridge'], bridged ? 'auto' : 'off'] satisfies Row,
      [['servers', name, 'alias'], alias] satisfies Row,
      [['servers', name, 'federated'], federated ? 'true' : 'false'] satisfies Row,
    ]),
    [['federation', 'separator'], settings.federation.separator],
    ...settings.federation.sets.flatMap(toolSetRows),
    [['audit', 'mode'], settings.audit.mode],
    [['log', 'level'], settings.log.level],
    [['log', 'format'], settings.log.format],
    ...LIMIT_NAMES.map((name): Row => [['limits', limitKey(name)], limits[name]]),
  ];
}

function toolSetRows({ name, ...patterns }: ToolSetSettings): readonly Row[] {
  return Object.entries(patterns).map(([key, value]) => [['federation', 'sets', name, key], value]);
}

function profileRows({ name, groupTiers, signatures, ciphers }: Profile): readonly Row[] {
  const [groups = [], ...fallback] = groupTiers;
  const lists = { groups, fallback_groups: fallback.flat(), signatures, ciphers };
  return Object.entries(lists).map(([key, rows]) => [
    ['profiles', name, key],
    rows.map((row) => row.name),
  ]);
}

function listenerRows(listener: ListenerSettings, index: number): readonly Row[] {
  const at = (...keys: string[]): YamlPath => ['listeners', index, ...keys];
  const { tls } = listener;
  return [
    [at('name'), listener.name],
    [at('address'), formatAddress(listener)],
    ...(tls === null
      ? [[at('tls'), 'off'] satisfies Row]
      : [
          [at('tls', 'profile'), tls.profile.name] satisfies Row,
          [at('tls', 'client_certificates'), tls.clientCertificates] satisfies Row,
          [
            at('tls', 'certificates'),
            tls.certificates.map(({ certificateFile }) => certificateFile),
          ] satisfies Row,
          [at('tls', 'client_ca'), tls.clientCaFile] satisfies Row,
          [at('tls', 'client_ca_names'), tls.clientCaNames] satisfies Row,
          [at('tls', 'client_crl'), tls.clientCrlFile] satisfies Row,
          [at('tls', 'second_proof'), tls.secondProof] satisfies Row,
        ]),
    [at('server_names'), listener.serverNames],
    [at('allowed_origins'), listener.allowedOrigins],
    ...resourceRows(listener.authorization, at('authorization')),
    [at('min_revision'), listener.minRevision.name],
    [at('legacy_sse'), listener.legacySse ? 'on' : 'off'],
  ];
}

function resourceRows(
  authorization: ListenerSettings['authorization'],
  at: YamlPath,
): readonly Row[] {
  if (authorization === null) return [[at, null]];
  const { tokens, resource, scopesSupported, issuers } = authorization;
  return [
    [[...at, 'tokens'], tokens],
    [[...at, 'resource'], resource],
    [[...at, 'scopes_supported'], scopesSupported],
    ...issuers.flatMap((issuer, index) => issuerRows(issuer, [...at, 'issuers', index])),
  ];
}

function issuerRows(issuer: IssuerSettings, at: YamlPath): readonly Row[] {
  const { keys, tls } = issuer;
  return [
    [[...at, 'name'], issuer.name],
    [[...at, 'issuer'], issuer.issuer],
    [[...at, 'audiences'], issuer.audiences],
    keys.kind === 'file'
      ? [[...at, 'jwks_file'], keys.file]
      : [[...at, 'jwks'], keys.url === null ? null : maskUrls(keys.url.href)],
    [[...at, 'algorithms'], issuer.algorithms.map(({ name }) => name)],
    [[...at, 'principal_claim'], issuer.principalClaim],
    [[...at, 'binding'], issuer.binding],
    ...linkRows(tls, [...at, 'tls']),
  ];
}

function stdioRows(stdio: StdioSettings, at: YamlPath): readonly Row[] {
  return [
    [[...at, 'command'], stdio.command],
    [[...at, 'args'], maskArguments(stdio.args)],
    ...secretRows(stdio.env, stdio.envSources, [...at, 'env']),
    [[...at, 'pass_env'], stdio.passEnv],
    [[...at, 'cwd'], stdio.cwd],
    [[...at, 'instances'], stdio.instances],
    ...confinementRows(stdio.confinement, at),
  ];
}

function confinementRows(
  { runAs, rlimits, sandbox, readable, writable }: StdioSettings['confinement'],
  at: YamlPath,
): readonly Row[] {
  return [
    [[...at, 'run_as', 'uid'], runAs?.uid ?? null],
    [[...at, 'run_as', 'gid'], runAs?.gid ?? null],
    [[...at, 'rlimits', 'memory_bytes'], rlimits.memoryBytes],
    [[...at, 'rlimits', 'open_files'], rlimits.openFiles],
    [[...at, 'rlimits', 'processes'], rlimits.processes],
    [[...at, 'rlimits', 'cpu_seconds'], rlimits.cpuSeconds],
    [[...at, 'rlimits', 'file_bytes'], rlimits.fileBytes],
    [[...at, 'sandbox'], sandbox],
    [[...at, 'readable'], readable],
    [[...at, 'writable'], writable],
  ];
}

function httpRows(http: HttpSettings, at: YamlPath): readonly Row[] {
  const { urls, timeouts, health } = http;
  const [url, ...others] = urls.map(({ href }) => maskUrls(href));
  return [
    others.length === 0
      ? [[...at, 'url'], url ?? null]
      : [
          [...at, 'urls'],
          [url ?? '', ...others],
        ],
    ...linkRows(http.tls, [...at, 'tls']),
    [[...at, 'timeouts', 'connect_ms'], timeouts.connectMs],
    [[...at, 'timeouts', 'idle_ms'], timeouts.idleMs],
    [[...at, 'timeouts', 'call_ms'], timeouts.callMs],
    [[...at, 'health', 'interval_ms'], health?.intervalMs ?? null],
    [[...at, 'health', 'path'], health?.path ?? null],
    ...secretRows(http.headers, http.headerSources, [...at, 'headers']),
    ...authorizationRows(http.authorization, [...at, 'authorization']),
    [[...at, 'addresses'], http.addresses],
  ];
}

function linkRows(tls: HttpSettings['tls'], at: YamlPath): readonly Row[] {
  if (tls === null) return [];
  return [
    [[...at, 'profile'], tls.profile.name],
    [[...at, 'ca'], typeof tls.ca === 'object' ? (tls.ca?.file ?? null) : tls.ca],
    [[...at, 'crl'], tls.crlFile],
    [[...at, 'pins'], tls.pins],
    ...clientCertificateRows(tls.clientCertificate, [...at, 'client_certificate']),
    [[...at, 'second_certificate', 'certificate'], tls.secondCertificate?.certificateFile ?? null],
    [[...at, 'server_name'], tls.serverName],
  ];
}

function authorizationRows(
  authorization: HttpSettings['authorization'],
  at: YamlPath,
): readonly Row[] {
  if (authorization === null) return [];
  const { at: place, clientId, proof, wanted, exchangeFrom, tls } = authorization;
  return [
    'issuer' in place
      ? [[...at, 'issuer'], place.issuer]
      : [[...at, 'token_endpoint'], maskUrls(place.endpoint.href)],
    [[...at, 'client_id'], clientId],
    ...proofRows(proof, at),
    ...Object.entries(wanted).map(([name, value]): Row => [[...at, name], value]),
    [[...at, 'exchange_from'], exchangeFrom],
    ...linkRows(tls, [...at, 'tls']),
  ];
}

function proofRows(proof: AuthorizationSettings['proof'], at: YamlPath): readonly Row[] {
  if (proof === null) return [];
  if ('keyFile' in proof) return [[[...at, 'client_key'], proof.keyFile]];
  const { secret } = proof;
  return [
    [[...at, 'client_secret'], typeof secret === 'string' ? REDACTED : describeSource(secret)],
  ];
}

function clientCertificateRows(
  certificate: NonNullable<HttpSettings['tls']>['clientCertificate'],
  at: YamlPath,
): readonly Row[] {
  if (certificate === null || certificate === 'gateway') return [[at, certificate]];
  if ('pkcs12File' in certificate) {
    return [
      [[...at, 'pkcs12'], certificate.pkcs12File],
      [[...at, 'passphrase_file'], certificate.passphraseFile],
    ];
  }
  return [
    [[...at, 'certificate'], certificate.certificateFile],
    [[...at, 'key'], certificate.keyFile],
  ];
}

function secretRows(
  fixed: Readonly<Record<string, string>>,
  sources: Readonly<Record<string, SecretSource>>,
  at: YamlPath,
): readonly Row[] {
  return [
    ...Object.keys(fixed).map((name): Row => [[...at, name], REDACTED]),
    ...Object.entries(sources).map(([name, source]): Row => [
      [...at, name],
      describeSource(source),
    ]),
  ];
}

/** Arguments with the values of flags like `--api-key` masked, whichever way they are given. */
function maskArguments(args: readonly string[]): readonly string[] {
  return args.map((arg, index) => {
    const [, flag = '', value] = /^(-[^=]*)=(.*)$/s.exec(arg) ?? [];
    if (value !== undefined && looksSecret(flag)) return `${flag}=${REDACTED}`;
    const before = args[index - 1] ?? '';
    const follows = before.startsWith('-') && !before.includes('=') && looksSecret(before);
    return follows && !arg.startsWith('-') ? REDACTED : maskUrls(arg);
  });
}
