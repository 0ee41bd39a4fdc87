/**
 * What the transition calendars of the standards bodies say about an algorithm, and when. The rows of
 * the registry carry terms; this file turns them into a standing at a date.
 */

/** `cnsa2`: NSA's suite for national security systems. `ir8547`: NIST's plan for everybody else. */
export type Calendar = 'cnsa2' | 'ir8547';

export const CALENDARS: readonly Calendar[] = ['cnsa2', 'ir8547'];

/** `unlisted`: the calendar does not know the algorithm, so it gives no leave to use it. */
export type Status = 'acceptable' | 'deprecated' | 'disallowed' | 'unlisted';

/** From when on a status holds. */
interface Term {
  /** First day in UTC, `YYYY-MM-DD`; `null` for ever since. */
  readonly from: string | null;
  readonly status: Status;
}

/** The terms of one algorithm by calendar, oldest first. */
export type Terms = Readonly<Record<Calendar, readonly Term[]>>;

/** What a calendar says about an algorithm at a date. */
export interface Standing {
  readonly status: Status;
  /** First day of the next status, `null` when none is announced. */
  readonly changesOn: string | null;
  /** The status from that day on. */
  readonly next: Status | null;
}

const always = (status: Status): readonly Term[] => [{ from: null, status }];

/** In CNSA 2.0 itself. */
const CNSA_2 = always('acceptable');

/**
 * In CNSA 1.0 alone: new acquisitions are for version 2.0 from 2027 on, and web servers and cloud
 * services use nothing else after 2033 (CSA "Announcing the CNSA 2.0", and its FAQ).
 */
const CNSA_1: readonly Term[] = [
  { from: null, status: 'acceptable' },
  { from: '2027-01-01', status: 'deprecated' },
  { from: '2034-01-01', status: 'disallowed' },
];

/** In neither suite. */
const NO_CNSA = always('disallowed');

/** Falls to Shor's algorithm, with at least 128 bits of classical strength (IR 8547, tables 2 and 4). */
const UNTIL_2035: readonly Term[] = [
  { from: null, status: 'acceptable' },
  { from: '2036-01-01', status: 'disallowed' },
];

/** The same with 112 bits. */
const UNTIL_2030: readonly Term[] = [
  { from: null, status: 'acceptable' },
  { from: '2031-01-01', status: 'deprecated' },
  { from: '2036-01-01', status: 'disallowed' },
];

const LASTING = always('acceptable');
const UNLISTED = always('unlisted');

/** The terms that rows of the registry choose from. */
export const TERMS = {
  /** Post-quantum or symmetric, at the strength that CNSA 2.0 asks for. */
  cnsa2: { cnsa2: CNSA_2, ir8547: LASTING },
  /** Post-quantum or symmetric, at a lower strength. */
  lasting: { cnsa2: NO_CNSA, ir8547: LASTING },
  /** P-384 and RSA of 3072 bits and more. */
  cnsa1: { cnsa2: CNSA_1, ir8547: UNTIL_2035 },
  /** Other classical algorithms of 128 bits and more. */
  classical: { cnsa2: NO_CNSA, ir8547: UNTIL_2035 },
  /** Classical algorithms of 112 bits. */
  weak: { cnsa2: NO_CNSA, ir8547: UNTIL_2030 },
  /** Not approved by NIST for the purpose. */
  unlisted: { cnsa2: NO_CNSA, ir8547: UNLISTED },
} as const satisfies Record<string, Terms>;

/** What the calendar says at a moment, by the day in UTC. */
export function standingAt(terms: Terms, calendar: Calendar, at: Date): Standing {
  const day = at.toISOString().slice(0, 10);
  const begun = (term: Term): boolean => term.from === null || term.from <= day;
  const current = terms[calendar].findLast(begun);
  const next = terms[calendar].find((term) => !begun(term));
  return {
    status: current?.status ?? 'unlisted',
    changesOn: next?.from ?? null,
    next: next?.status ?? null,
  };
}
