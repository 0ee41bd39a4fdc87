import { request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseJson } from '#lib';
import { ControlFailed, GatewayUnavailable } from './errors.ts';

/** Where the gateway of a state directory takes commands. */
export function controlSocketOf(stateDir: string): string {
  return join(stateDir, 'control.sock');
}

/** What a gateway answers when it refuses. */
interface Refusal {
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A change rehearses handshakes, which takes milliseconds; the rest is for a machine under load. */
const TIMEOUT_MS = 30_000;

/**
 * Asks the gateway that runs on a state directory for something and returns its answer.
 *
 * @throws GatewayUnavailable when none runs.
 * @throws ControlFailed when it refuses, with its reason and hint.
 */
export async function askGateway<T>(
  stateDir: string,
  method: 'GET' | 'POST',
  path: string,
  input: unknown,
): Promise<T> {
  const { status, text } = await exchange(controlSocketOf(stateDir), method, path, input);
  const answer = parseJson(text) as T & Refusal;
  if (status === 200) return answer;
  const { code = '', message = text, hint = '' } = answer.error ?? {};
  throw new ControlFailed(message, { hint, details: { code } });
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  input: unknown,
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      reject(new GatewayUnavailable(`no gateway answers at ${socketPath}`, { cause }));
    };
    const outgoing = request({ socketPath, method, path, timeout: TIMEOUT_MS }, (response) => {
      buffer(response).then(
        (body) => resolve({ status: response.statusCode, text: body.toString('utf8') }),
        fail,
      );
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('it does not answer')));
    outgoing.once('error', fail);
    outgoing.end(input === null ? undefined : JSON.stringify(input));
  });
}
