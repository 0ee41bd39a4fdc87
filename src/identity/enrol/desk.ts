import { X509Certificate } from 'node:crypto';
import type { ClientAlgorithm } from '../client.ts';
import {
  CertificateNotRenewable,
  CertificateRequestRefused,
  EnrolmentBusy,
  TokenRefused,
} from '../errors.ts';
import type { Predecessor } from '../revocation/ledger.ts';
import { spiffeIdOfCertificate } from '../spiffe.ts';
import { Workshop } from '../workshop.ts';
import type { Grant } from './grant.ts';
import type { OrderResult } from './issue-ordered.ts';
import { RenewalQuota } from './renewal-quota.ts';
import { Tokens } from './tokens.ts';

/** A certificate that was issued to a client for a key of its own. */
export interface IssuedByRequest {
  readonly name: string;
  readonly spiffeId: string;
  readonly algorithm: ClientAlgorithm;
  /** DER of the client's certificate, then of the certificates above it, the root left out. */
  readonly chain: readonly Uint8Array[];
  /** Upper-case hex. */
  readonly serial: string;
  /** SHA-256 of the certificate, upper-case hex with colons, as OpenSSL prints it. */
  readonly fingerprint256: string;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** Requests that wait for the one at work. Each costs some milliseconds once the workshop is open. */
const MAX_WAITING = 16;

/** How long the workshop waits for another request: to open it costs a hundred times as much. */
const IDLE_MS = 5000;

/**
 * Issues certificates to clients that bring a request. One is made at a time, in the workshop's
 * process: what strangers wrote is parsed nowhere else.
 */
export class EnrolmentDesk {
  readonly #stateDir: string;
  readonly #tokens: Tokens;
  readonly #renewals = new RenewalQuota();
  #workshop: Workshop | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #jobs = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#tokens = new Tokens(stateDir);
  }

  /** What a token permits, `null` when nothing. @throws what reading the state directory throws. */
  find(token: string): Promise<Grant | null> {
    return this.#tokens.find(token, Date.now());
  }

  /**
   * Issues what a token permits. The token is used up by this and by nothing else: after a refused
   * request or a failure it is as good as before.
   *
   * @throws TokenRefused when it was used or has expired meanwhile, CertificateRequestRefused,
   *   EnrolmentBusy, or what the state directory's failures are.
   */
  enrol(grant: Grant, request: Uint8Array): Promise<IssuedByRequest> {
    return this.#inTurn(async () => {
      if (grant.expiresMs <= Date.now() || !(await this.#tokens.claim(grant))) {
        // In the words for any other bad token: who guesses learns nothing.
        throw new TokenRefused('no valid enrolment token was shown');
      }
      let issued: IssuedByRequest;
      try {
        issued = await this.#issue(grant, request, null);
      } catch (thrown) {
        await this.#tokens.release(grant);
        throw thrown;
      }
      await this.#tokens.spend(grant);
      return issued;
    });
  }

  /**
   * Issues the next certificate of a client that has proved who it is.
   *
   * @param predecessor with what it has: one that this gateway has issued, and that was not revoked.
   * @throws CertificateNotRenewable, CertificateRequestRefused, EnrolmentBusy, also for a client that
   *   has renewed too often today, or what the state directory's failures are.
   */
  renew(
    client: Pick<Grant, 'name' | 'algorithm'>,
    request: Uint8Array,
    predecessor: Predecessor,
  ): Promise<IssuedByRequest> {
    return this.#inTurn(() => {
      this.#renewals.take(client.name, Date.now());
      return this.#issue(client, request, predecessor);
    });
  }

  /** Lets the workshop go; for when no more requests come. */
  close(): void {
    clearTimeout(this.#idleTimer);
    this.#workshop?.close();
    this.#workshop = null;
  }

  async #inTurn<T>(job: () => Promise<T>): Promise<T> {
    if (this.#jobs > MAX_WAITING) throw new EnrolmentBusy(`${MAX_WAITING} requests wait already`);
    this.#jobs += 1;
    clearTimeout(this.#idleTimer);
    const done = this.#last.then(job);
    this.#last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#jobs -= 1;
      if (this.#jobs === 0) this.#idleTimer = setTimeout(() => this.close(), IDLE_MS).unref();
    }
  }

  async #issue(
    { name, algorithm }: Pick<Grant, 'name' | 'algorithm'>,
    request: Uint8Array,
    predecessor: Predecessor | null,
  ): Promise<IssuedByRequest> {
    const workshop = (this.#workshop ??= new Workshop());
    try {
      const order = { name, algorithm, request, predecessor, nowMs: Date.now() };
      const result = await workshop.client(this.#stateDir, order);
      if ('refused' in result) throw refusalOf(result);
      return describe(name, algorithm, result.chain);
    } catch (thrown) {
      // A process that failed is not asked again.
      const refused = [CertificateRequestRefused, CertificateNotRenewable];
      if (!refused.some((kind) => thrown instanceof kind)) this.close();
      throw thrown;
    }
  }
}

function refusalOf({ refused, of }: Extract<OrderResult, { refused: string }>): Error {
  return of === 'request'
    ? new CertificateRequestRefused(refused)
    : new CertificateNotRenewable(refused);
}

function describe(
  name: string,
  algorithm: ClientAlgorithm,
  chain: readonly Uint8Array[],
): IssuedByRequest {
  const certificate = new X509Certificate(chain[0] ?? Buffer.alloc(0));
  return {
    name,
    spiffeId: spiffeIdOfCertificate(certificate) ?? '',
    algorithm,
    chain,
    serial: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    notAfterMs: certificate.validToDate.getTime(),
  };
}
