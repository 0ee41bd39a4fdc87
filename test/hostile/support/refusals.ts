import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestPostern } from '../../support/postern.ts';
import type { RawResponse } from './raw-http.ts';
import { answerTo } from './raw-http.ts';

/** Something to send, and the refusal that it gets. */
export interface Refusal {
  readonly send: string | Buffer;
  readonly status: number;
  /** `POSTERN_*` in the answer; Node answers a few by itself. */
  readonly code?: string;
}

/** A request that is no sound HTTP, or no request to an MCP endpoint. */
export const REFUSED = { status: 400, code: 'POSTERN_REQUEST_REFUSED' } as const;

/** Tests that each is refused as it should be. */
export function testRefusals(
  refusals: Readonly<Record<string, Refusal>>,
  postern: () => TestPostern,
): void {
  for (const [what, { send, status, code }] of Object.entries(refusals)) {
    test(`${what} is answered ${status} ${code ?? ''}`, async () => {
      const response = await answerTo(postern(), send);
      assert.equal(response?.status, status, response?.body ?? '');
      if (code !== undefined) assert.equal(errorData(response).code, code);
    });
  }
}

/** Tests that refusals of each kind are told in the log; floods of the same line are counted only. */
export function testTold(refusals: readonly Refusal[], postern: () => TestPostern): void {
  test('R-24 refusals are told in the log', async () => {
    for (const { send } of refusals) {
      const { call, code } = errorData(await answerTo(postern(), send));
      const isIt = (fields: unknown): boolean => (fields as { call?: string }).call === call;
      const { event, level, fields } = await postern().logged((line) => isIt(line['fields']));
      assert.deepEqual([event, level], ['request.rejected', 'warn']);
      const { code: told, source } = fields as Record<string, unknown>;
      assert.deepEqual([told, source], [code, '127.0.0.1']);
    }
  });
}

/** `data` of the JSON-RPC error in a response. */
function errorData(response: RawResponse | null): { code: string; call: string } {
  const { error } = JSON.parse(response?.body ?? '') as {
    error: { data: { code: string; call: string } };
  };
  return error.data;
}
