import { startTestPostern } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';
import { POLICY } from './policy.ts';
import { startFixtureHttp } from './server/http.ts';
import { startTlsShim } from './tls-shim.ts';

/** A way from the suite to the fixture server. */
export interface Path {
  /** `direct` is what the others are held against. */
  readonly name: string;
  readonly url: string;
}

/** Every way, and what has to be ended in the end. */
export interface Paths {
  readonly all: readonly Path[];
  close(): Promise<void>;
}

/** The suite leaves sessions open, more than one client may have by default. */
const LIMITS = { max_sessions_per_principal: 1000, max_sessions_per_server: 1000 };

/** Starts the fixture, and a gateway in front of it that allows everything. */
export async function openPaths(): Promise<Paths> {
  const fixture = await startFixtureHttp();
  const shim = await startTlsShim(() => ({ origin: postern.listener('tls'), ca: postern.ca }));
  const postern = await startTestPostern({
    servers: {
      http: { http: { url: fixture.url } },
      program: { stdio: programAt('test/conformance/server/stdio.ts') },
    },
    listeners: [
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
      // To a web page the shim is where the gateway is.
      { name: 'tls', address: '127.0.0.1:0', allowed_origins: [shim.origin] },
    ],
    limits: LIMITS,
    policy: POLICY,
  });
  const plain = postern.listener('plain');
  return {
    all: [
      { name: 'direct', url: fixture.url },
      { name: 'Postern', url: `${plain}/servers/http/mcp` },
      { name: 'Postern, TLS', url: `${shim.origin}/servers/http/mcp` },
      { name: 'Postern, stdio', url: `${plain}/servers/program/mcp` },
    ],
    close: async () => {
      await shim.close();
      await postern.stop();
      await fixture.close();
    },
  };
}
