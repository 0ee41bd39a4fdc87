/** What threads of one gateway say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Refusal } from '#audit';
import type { PosternEvent } from '#lib';
import type { HttpExchange, UpstreamStats } from '#transport';
import type { ListenerReport } from '../listener.ts';
import type { PackedInForce, PackedLink } from './packed.ts';

/** From who has the client's connection to who answers, each of a connection that has one exchange at a time. */
export type ToAnswering =
  | {
      readonly kind: 'connection';
      readonly connection: number;
      readonly listener: string;
      readonly address: string | undefined;
      readonly port: number | undefined;
    }
  /** How the connection is protected, from the next request on. */
  | { readonly kind: 'link'; readonly connection: number; readonly link: PackedLink }
  /** A request, with as much of its body as is there already. */
  | {
      readonly kind: 'request';
      readonly connection: number;
      readonly head: HttpExchange['head'];
      readonly body: Uint8Array | null;
      readonly isWhole: boolean;
    }
  | {
      readonly kind: 'body';
      readonly connection: number;
      readonly bytes: Uint8Array | null;
      readonly isWhole: boolean;
    }
  /** So many bytes of the response have found room on the way to the client. */
  | { readonly kind: 'taken'; readonly connection: number; readonly bytes: number }
  /** The response has left, or the client has. */
  | { readonly kind: 'over'; readonly connection: number; readonly wasSent: boolean }
  | { readonly kind: 'outdated' | 'refused' | 'gone'; readonly connection: number };

/** The way back. */
export type ToReceiving =
  /** The body is wanted, or no more of it is until it is wanted again. */
  | { readonly kind: 'want' | 'hold'; readonly connection: number }
  /** Bytes of the response as they go to the client; `end` is with the last of them. */
  | {
      readonly kind: 'part';
      readonly connection: number;
      readonly bytes: Uint8Array | null;
      readonly end: { readonly keepsAlive: boolean } | null;
    }
  | { readonly kind: 'cut'; readonly connection: number };

/** What a worker is given to begin with. */
export interface WorkerStart {
  /** From 1. */
  readonly index: number;
  /** Names it in the sessions that it sees opened. */
  readonly instance: string;
  /** Ports of the listeners, by name. */
  readonly ports: ReadonlyMap<string, number>;
  readonly canarySalt: Uint8Array;
  readonly inForce: PackedInForce;
  readonly version: number;
  /** Has requests answered by the thread that decides. */
  readonly asking: MessagePort;
}

/** From the thread that decides to a worker. */
export type ToWorker =
  | { readonly kind: 'in-force'; readonly version: number; readonly inForce: PackedInForce }
  /** Ways to another worker: to have requests answered there, and to answer those that come from there. */
  | {
      readonly kind: 'neighbour';
      readonly index: number;
      readonly asking: MessagePort;
      readonly answering: MessagePort;
    }
  /** The lines that came last are stored, or why they are not. */
  | { readonly kind: 'recorded'; readonly failure: Refusal | null }
  /** Why the record takes no call, `null` when it does. */
  | { readonly kind: 'record'; readonly refusal: Refusal | null }
  | { readonly kind: 'proof'; readonly question: number; readonly answer: ProofAnswer }
  | { readonly kind: 'report'; readonly question: number }
  | { readonly kind: 'drain-old' | 'drain' | 'close' };

/** Whether a proof was used for the first time, as far as that can be told. */
export type ProofAnswer = 'first' | 'used' | 'exhausted';

/** From a worker to the thread that decides. */
export type ToMain =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'event'; readonly event: PosternEvent }
  /** Entries of the record; the next come when it is known what became of these. */
  | { readonly kind: 'lines'; readonly lines: Uint8Array; readonly entries: number }
  | { readonly kind: 'proof'; readonly question: number; readonly id: string }
  | { readonly kind: 'unfit'; readonly listener: string; readonly reason: string }
  | { readonly kind: 'report'; readonly question: number; readonly report: WorkerReport }
  | { readonly kind: 'drained' };

/** What a worker does at present, and what it has counted since the last report. */
export interface WorkerReport {
  readonly callsInFlight: number;
  /** Of those with TLS, by name. */
  readonly listeners: ReadonlyMap<string, ListenerReport>;
  readonly servers: ReadonlyMap<string, UpstreamStats>;
  /** As the meter of this kind of gateway packs them. */
  readonly counts: unknown;
}
