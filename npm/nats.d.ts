import type { NatsConnection } from "@nats-io/nats-core";
import type { Row } from "./index.js";

export interface Shot {
  view: { list: string; epoch: string; sequence: number; asOf: number; rows: readonly Row[] };
  /** live, delayed (all data are late, as with a delayed plan), stale (no data, or no heartbeat for three seconds), closed (outside of the list's sessions). */
  state: "live" | "delayed" | "stale" | "closed";
  simulated: boolean;
}

/** Nobody publishes the list. */
export declare class UnknownListError extends Error {}

export interface FollowOptions {
  signal?: AbortSignal;
  /** What the set's names on NATS begin with, "gapscan" by default. */
  prefix?: string;
}

/** The list's exact copy after each change of rows or state, until the loop is left, `signal` aborts or `nc` is closed. */
export declare function follow(nc: NatsConnection, list: string, options?: FollowOptions): AsyncGenerator<Shot, void>;
