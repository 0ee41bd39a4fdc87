import type { EventSink, Limits, Meter } from '#lib';
import { mayHold } from '#lib';
import type { Caller } from './callers.ts';
import { Callers } from './callers.ts';
import { Episode } from './episode.ts';
import { Pace } from './pace.ts';
import { Place } from './place.ts';
import { Refusals } from './refusal.ts';
import { Turns } from './turns.ts';

/** Name of the limit for which a call is refused. */
export type Refusal = 'max_calls_in_flight' | 'max_turn_ms';

/** So long the usual turn has to be too long, over so many turns, before anybody is refused for it. */
const PERIOD_MS = 1000;
const PERIOD_TURNS = 8;

/** For so many seconds' worth a caller may come at once while calls are refused for their rate. */
const BURST_SECONDS = 0.1;

/** What {@link Admission} works with. */
export interface AdmissionParts {
  readonly limits: Limits;
  readonly events: EventSink;
  readonly meter: Meter;
}

/**
 * Lets calls in before anything is read of them but their head, or refuses them: when too many are in
 * flight, and when the event loop has more to do than it can. Each caller has a fair share of both.
 */
export class Admission {
  /** Answers those who are not let in. */
  readonly refusals = new Refusals();
  readonly #limits: Limits;
  readonly #meter: Meter;
  readonly #episode: Episode;
  readonly #callers = new Callers();
  readonly #pace: Pace;
  readonly #utilization = utilizationSince();
  readonly #turns: Turns;
  readonly #held = { calls: 0, bodyBytes: 0, answerBytes: 0 };
  #periodAt = 0;

  constructor({ limits, events, meter }: AdmissionParts) {
    this.#limits = limits;
    this.#meter = meter;
    this.#episode = new Episode(events);
    this.#pace = new Pace(limits.maxTurnMs, this.#utilization);
    this.#turns = new Turns(limits.maxTurnMs, (cpuMs) => this.#onTurn(cpuMs, performance.now()));
  }

  /**
   * A place for a call, to be left when it has ended; or the limit for which there is none.
   *
   * @param name of the caller, by what is known of it before its message is read.
   */
  enter(name: string): Place | Refusal {
    if (!this.#turns.watching) this.#watch();
    const caller = this.#callers.of(name);
    caller.arrivals += 1;
    const refusal = this.#refusalOf(caller);
    if (refusal === null) return this.#placeFor(caller);
    this.#tell(refusal);
    return refusal;
  }

  /** A place for what is no call itself but brings some, which then enter. */
  visit(name: string): Place {
    return this.#placeFor(this.#callers.of(name));
  }

  stop(): void {
    this.#turns.stop();
    this.#episode.stop();
  }

  #placeFor(caller: Caller): Place {
    const onCut = (): void => this.#tell('max_answer_bytes_waiting');
    return new Place(caller, this.#held, this.#limits, onCut);
  }

  #tell(limit: string): void {
    this.#meter.shed(limit);
    this.#episode.refused(limit);
  }

  #refusalOf(caller: Caller): Refusal | null {
    const free = this.#limits.maxCallsInFlight - this.#held.calls;
    if (!mayHold(caller.calls, 1, free)) return 'max_calls_in_flight';
    const { level } = this.#pace;
    if (level === Infinity) return null;
    const now = performance.now();
    if (mayBegin(caller, level, now)) return null;
    this.#pace.refused(now);
    return 'max_turn_ms';
  }

  #watch(): void {
    this.#periodAt = performance.now();
    // What was before is no part of the first period.
    this.#utilization();
    this.#turns.watch();
  }

  #onTurn(cpuMs: number, now: number): void {
    this.#pace.turn(cpuMs, now);
    const passed = now - this.#periodAt;
    const isHeldBack = this.#pace.level !== Infinity;
    if (passed < PERIOD_MS || (!isHeldBack && this.#pace.turns < PERIOD_TURNS)) return;
    const demands = this.#callers.demands();
    this.#pace.consider(demands, passed, now);
    // A gateway that has nothing to do does not look at its turns either.
    if (!isHeldBack && demands.every((each) => each === 0)) this.#turns.stop();
    this.#callers.rest();
    this.#periodAt = now;
  }
}

/** Tells, each time that it is called, what part of the time since the last the event loop was at work. */
function utilizationSince(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/** Takes one of the tokens that a caller gets at this level, if it has any. */
function mayBegin(caller: Caller, level: number, now: number): boolean {
  const most = Math.max(1, level * BURST_SECONDS);
  caller.tokens = Math.min(most, caller.tokens + ((now - caller.at) / 1000) * level);
  caller.at = now;
  if (caller.tokens < 1) return false;
  caller.tokens -= 1;
  return true;
}
