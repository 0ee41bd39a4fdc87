import type { X509Certificate } from 'node:crypto';
import type { EventSink } from '#lib';

/** A certificate that only its operator can renew, and who shows it. */
export interface OperatorsCertificate {
  readonly shownBy: 'listener' | 'egress';
  /** Of the listener, or of the server that it is shown to. */
  readonly name: string;
  readonly leaf: X509Certificate;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Time for a person to see an alert and to have the next one issued. */
const SOON_DAYS = 14;
/** Of a short life that would be all of it. */
const SOON_PART = 1 / 3;

/**
 * Alerts, now and once a day, of certificates that end soon.
 *
 * @param list asked each time, since files change.
 * @returns what ends this.
 */
export function watchEnds(
  list: () => readonly OperatorsCertificate[],
  events: EventSink,
): () => void {
  const look = (): void => {
    for (const each of list()) if (endsSoon(each.leaf, Date.now())) tell(each, events);
  };
  look();
  const timer = setInterval(look, DAY_MS).unref();
  return () => clearInterval(timer);
}

/** Whether the next certificate should be there by now. */
export function endsSoon(
  { validFromDate, validToDate }: Pick<X509Certificate, 'validFromDate' | 'validToDate'>,
  nowMs: number,
): boolean {
  const endMs = validToDate.getTime();
  const lifeMs = endMs - validFromDate.getTime();
  return endMs - nowMs < Math.min(SOON_DAYS * DAY_MS, lifeMs * SOON_PART);
}

function tell({ shownBy, name, leaf }: OperatorsCertificate, events: EventSink): void {
  const [who, field] =
    shownBy === 'listener' ? [`of listener ${name}`, 'listener'] : [`for ${name}`, 'upstream'];
  const verb = leaf.validToDate.getTime() < Date.now() ? 'has ended' : 'ends soon';
  events({
    severity: 'alert',
    name: `${shownBy}.certificate_ends_soon`,
    message: `the certificate ${who} ${verb}: put the next one in place of its files`,
    fields: {
      [field]: name,
      fingerprint: leaf.fingerprint256,
      not_after: leaf.validToDate.toISOString(),
    },
  });
}
