/** Scripts that run against a server twice, directly and through the gateway, and must end alike. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Peer } from './peer.ts';

/** Named steps, run in order; what a step returns or throws is its result. */
export type Scenario = Readonly<Record<string, (peer: Peer) => unknown>>;

/** Results by step, in a form that compares. */
export type Results = Readonly<Record<string, unknown>>;

/** Runs every step and hangs up; a failure is a result like any other. */
export async function play(scenario: Scenario, connecting: Promise<Peer>): Promise<Results> {
  const peer = await connecting;
  const results: Record<string, unknown> = {};
  for (const [name, step] of Object.entries(scenario)) {
    results[name] = await outcomeOf(async () => step(peer));
  }
  await peer.close();
  return results;
}

/** What a promise came to, in a form that compares. */
export async function outcomeOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return normalise(await run());
  } catch (thrown) {
    const { code, message, data } = thrown as { code?: unknown; message?: string; data?: unknown };
    return { failed: normalise({ code, message, data }) };
  }
}

/** Compares step by step, each as a test of its own. */
export async function assertSame(t: TestContext, direct: Results, through: Results): Promise<void> {
  assert.deepEqual(Object.keys(through), Object.keys(direct));
  assert.ok(Object.keys(direct).length > 0);
  for (const [name, expected] of Object.entries(direct)) {
    await t.test(name, () => assert.deepEqual(through[name], expected));
  }
}

/** Makes sure that steps succeeded, so that nothing is proved by two equal failures. */
export function assertWorked(results: Results, mayFail: readonly string[] = []): void {
  for (const [name, result] of Object.entries(results)) {
    const failed = typeof result === 'object' && result !== null && 'failed' in result;
    assert.equal(failed, mayFail.includes(name), `${name}: ${JSON.stringify(result)}`);
  }
}

const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<instant>'],
  [/\d{1,2}:\d\d:\d\d [AP]M/g, '<time>'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>'],
  [/\b[0-9a-f]{32}\b/g, '<id>'],
];

/** The value without what differs from run to run: times and random ids. */
export function normalise(value: unknown): unknown {
  if (typeof value === 'string') return withoutVarying(value);
  if (Array.isArray(value)) return value.map(normalise);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    if (key === 'blob' && typeof item === 'string') {
      return [key, withoutVarying(Buffer.from(item, 'base64').toString('latin1'))];
    }
    return [key, normalise(item)];
  });
  return Object.fromEntries(entries) as unknown;
}

function withoutVarying(text: string): string {
  return VARYING.reduce((result, [pattern, name]) => result.replace(pattern, name), text);
}

/** Messages whose order between streams is not defined, in an order that is. */
export function sorted(messages: readonly unknown[]): readonly unknown[] {
  return messages
    .map((message) => JSON.stringify(normalise(message)))
    .toSorted()
    .map((text) => JSON.parse(text) as unknown);
}

/** Results of calls to `echo` of different sizes that are all under way together. */
export function manyAtOnce(
  peer: Peer,
  argumentsOf: (text: string) => Record<string, unknown>,
): Promise<readonly unknown[]> {
  const texts = Array.from({ length: 12 }, (_, index) => `${index}`.repeat(1 + index * 194));
  return Promise.all(texts.map((text) => peer.call('echo', argumentsOf(text))));
}
