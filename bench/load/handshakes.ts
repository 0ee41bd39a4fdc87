import { once } from 'node:events';
import type { Dialled } from './dial.ts';
import { dialer } from './dial.ts';
import { Lanes } from './lanes.ts';
import type { HandshakePlan, LoadReport } from './plan.ts';
import { nowUs } from './window.ts';

const WARM_UP_HANDSHAKES = 200;

/** Full TLS handshakes as fast as they go, a number of them at a time. */
export async function handshakes(plan: HandshakePlan): Promise<LoadReport> {
  const lanes = new Lanes();
  const dial = dialer(plan.target);
  let link = '';
  const lane = async (): Promise<void> => {
    while (!lanes.stopping) {
      const startedAt = nowUs();
      try {
        const dialled = await dial();
        ({ link } = dialled);
        lanes.right(nowUs() - startedAt);
        await end(dialled);
      } catch (error) {
        lanes.wrong((error as Error).message);
      }
    }
  };
  const ended = Promise.all(Array.from({ length: plan.connections }, () => lane()));
  const times = { ...plan.times, warmUpCalls: WARM_UP_HANDSHAKES };
  const closed = await lanes.run(ended, times, plan.watch);
  return { link, closed, open: null };
}

/** In order: cutting the connection could reach the server before its own end of the handshake. */
async function end({ socket }: Dialled): Promise<void> {
  const closed = once(socket, 'close');
  socket.resume().end();
  await closed;
}
