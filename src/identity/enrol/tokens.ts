/**
 * One-time tokens with which a new client asks for its first certificate. The state directory keeps
 * what cannot be turned back into a token: its SHA-256, which needs no salt, since 256 random bits
 * cannot be guessed.
 */
import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientAlgorithm } from '../client.ts';
import { parseClientName } from '../client-name.ts';
import { IdentityDamaged, TokenLifetimeInvalid, TooManyTokens } from '../errors.ts';
import {
  createFile,
  hasCode,
  PRIVATE_MODE,
  readIdentityFile,
  storageFailed,
  syncDirectory,
} from '../files.ts';
import { exists, refuseUnsafeDirectory } from '../state-dir.ts';
import { identityDirOf } from '../layout.ts';
import type { Grant } from './grant.ts';
import { formatGrant, parseGrant } from './grant.ts';

const TOKEN_BYTES = 32;
const TOKEN = /^[0-9a-f]{64}$/;
const MAX_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_TOKENS = 1000;

/** A token that nobody has used yet. */
const OPEN = '.json';
/** One whose certificate is being made. After a crash it stays so: a used token never comes back. */
const CLAIMED = '.claimed';

/** What a token is to be good for. */
export interface WantedToken {
  readonly name: string;
  readonly algorithm: ClientAlgorithm;
  readonly lifetimeMs: number;
}

/** The tokens of a state directory. */
export class Tokens {
  readonly #directory: string;

  constructor(stateDir: string) {
    this.#directory = join(identityDirOf(stateDir), 'tokens');
  }

  /**
   * Makes a token, and removes those that have expired.
   *
   * @returns the token, 64 hex digits, which is stored nowhere.
   * @throws ClientNameInvalid, TokenLifetimeInvalid, TooManyTokens, StateDirUnsafe or StorageFailed.
   */
  async create({ name, algorithm, lifetimeMs }: WantedToken): Promise<string> {
    parseClientName(name);
    if (!Number.isInteger(lifetimeMs) || lifetimeMs < 1000 || lifetimeMs > MAX_LIFETIME_MS) {
      throw new TokenLifetimeInvalid(`a token cannot be good for ${lifetimeMs} ms`);
    }
    await this.#openDirectory();
    const nowMs = Date.now();
    if ((await this.#sweep(({ expiresMs }) => expiresMs <= nowMs)) >= MAX_TOKENS) {
      throw new TooManyTokens(`${MAX_TOKENS} tokens have not expired yet`);
    }
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const text = formatGrant({ name, algorithm, expiresMs: nowMs + lifetimeMs });
    await this.#use(async () => {
      await createFile(this.#path(idOf(token), OPEN), text, PRIVATE_MODE);
      await syncDirectory(this.#directory);
    });
    return token;
  }

  /**
   * What a token permits, or `null` when it permits nothing: it is malformed, unknown, used or
   * expired. Costs a hash and a look at a file.
   *
   * @throws StateDirUnsafe, StateFileUnsafe or StorageFailed.
   */
  async find(token: string, nowMs: number): Promise<Grant | null> {
    if (!TOKEN.test(token) || !(await exists(this.#directory))) return null;
    await refuseUnsafeDirectory(this.#directory);
    const id = idOf(token);
    const grant = await this.#read(this.#path(id, OPEN));
    return grant === null || grant.expiresMs <= nowMs ? null : { ...grant, id };
  }

  /** Takes a token out of use; of several who try, one gets it. @throws StorageFailed */
  async claim({ id }: Grant): Promise<boolean> {
    try {
      await rename(this.#path(id, OPEN), this.#path(id, CLAIMED));
      // A certificate must not be out while a power failure could bring its token back.
      await syncDirectory(this.#directory);
      return true;
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return false;
      throw storageFailed(this.#directory, cause);
    }
  }

  /** Puts a claimed token back, since no certificate was made for it. Where that fails it is lost. */
  async release({ id }: Grant): Promise<void> {
    await rename(this.#path(id, CLAIMED), this.#path(id, OPEN)).catch(() => undefined);
  }

  /** Forgets a claimed token. What cannot be removed is of no use to anybody. */
  async spend({ id }: Grant): Promise<void> {
    await rm(this.#path(id, CLAIMED), { force: true }).catch(() => undefined);
  }

  /** Withdraws every token of a client that was not used. @throws StorageFailed, StateFileUnsafe */
  async withdraw(name: string): Promise<void> {
    if (!(await exists(this.#directory))) return;
    await this.#sweep((grant) => grant.name === name);
  }

  #path(id: string, state: string): string {
    return join(this.#directory, id + state);
  }

  async #openDirectory(): Promise<void> {
    await this.#use(async () => {
      // Not its parents: an identity directory without an identity would be a damaged one.
      await mkdir(this.#directory, { mode: 0o700 }).catch((cause: unknown) => {
        if (!hasCode(cause, 'EEXIST')) throw cause;
      });
    });
    await refuseUnsafeDirectory(this.#directory);
  }

  async #read(path: string): Promise<Omit<Grant, 'id'> | null> {
    try {
      return parseGrant(await readIdentityFile(path, 'private'));
    } catch (thrown) {
      // Absent, or nothing that this class has written.
      if (thrown instanceof IdentityDamaged) return null;
      throw thrown;
    }
  }

  /** Removes what is over or cannot be read. @returns how many are left. */
  async #sweep(isOver: (grant: Omit<Grant, 'id'>) => boolean): Promise<number> {
    let left = 0;
    const files = await this.#use(() => readdir(this.#directory));
    for (const file of files.filter((name) => name.endsWith(OPEN) || name.endsWith(CLAIMED))) {
      const path = join(this.#directory, file);
      const grant = await this.#read(path);
      if (grant !== null && !isOver(grant)) left += 1;
      else await this.#use(() => rm(path, { force: true }));
    }
    return left;
  }

  async #use<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (cause) {
      throw storageFailed(this.#directory, cause);
    }
  }
}

function idOf(token: string): string {
  return hash('sha256', token, 'hex');
}
