import type { LinkSecurity } from '#crypto';
import { describeLink, isQuantumSafe } from '#crypto';
import { visible } from '#telemetry';
import type { ServerShowing } from '#transport';
import { style, table } from './output.ts';
import type { ServerProbe } from './probe-servers.ts';

/**
 * What came of each server's hop, for people. Servers choose some of the text, so it is made harmless.
 */
export function probesText(probes: readonly ServerProbe[]): string {
  const rows = probes.map(({ name, reachable, token, detail, link }) => [
    `${reachable && token?.works !== false ? style('green', '✓') : style('red', '✗')} ${name}`,
    visible(detail),
    link === null ? '-' : strengthOf(link),
  ]);
  const head = ['server', 'hop', 'negotiated'].map((title) => style('dim', title));
  const tokens = probes.flatMap(({ name, token }) =>
    token === null ? [] : [tokenText(name, token)],
  );
  const notes = [
    ...tokens,
    ...probes.flatMap((probe) => probe.notes).map((note) => `note: ${note}`),
  ];
  return [
    table([head, ...rows]),
    ...probes.flatMap(({ name, shows }) => (shows === null ? [] : [showingText(name, shows)])),
    ...(notes.length === 0 ? [] : [notes.map((note) => `  ${note}`).join('\n')]),
  ].join('\n\n');
}

/** A probe as JSON. */
export function describeProbe({ link, shows, ...probe }: ServerProbe): object {
  return {
    ...probe,
    link: link === null ? null : describeLink(link),
    ...(shows === null ? {} : { shows: describeShowing(shows) }),
  };
}

function tokenText(name: string, { works, detail }: NonNullable<ServerProbe['token']>): string {
  const mark = works ? style('green', '✓') : style('red', '✗');
  return `${mark} token for ${name}: ${visible(detail)}`;
}

function strengthOf(link: LinkSecurity): string {
  if (link.kind !== 'tls') return isQuantumSafe(link) ? 'stays on this machine' : 'not protected';
  const parts = [
    link.group.name,
    `${link.peerSignature?.name ?? 'no'} certificate`,
    link.cipher.name,
  ];
  const weaker = link.downgrades.length === 0 ? '' : `; classical ${link.downgrades.join(', ')}`;
  return `${parts.join(', ')}${weaker}`;
}

function showingText(name: string, shows: ServerShowing): string {
  const { conflicts, ...facts } = describeShowing(shows);
  const rows = Object.entries(facts).map(([key, value]) => [
    style('dim', key.replaceAll('_', ' ')),
    visible(value ?? 'none'),
  ]);
  return [
    `  ${style('bold', name)} shows, verified by nobody:`,
    table(rows, '    '),
    ...conflicts.map((conflict) => `    ${style('red', '✗')} ${visible(conflict)}`),
  ].join('\n');
}

function describeShowing({ protocol, group, certificate, conflicts }: ServerShowing) {
  if (certificate === null) return { protocol, group, conflicts };
  const { subject, issuer, names, key, fingerprint256, pin } = certificate;
  return {
    subject,
    issuer,
    names,
    not_before: instant(certificate.notBeforeMs),
    not_after: instant(certificate.notAfterMs),
    key,
    fingerprint: fingerprint256,
    pin,
    protocol,
    group,
    conflicts,
  };
}

/** A certificate may say years that no calendar has. */
function instant(ms: number): string {
  return Number.isNaN(ms) ? 'unreadable' : new Date(ms).toISOString();
}
