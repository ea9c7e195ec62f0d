/** A row: its symbol and any number of fields; null and absent both mean "no value". Its rank is its position. */
export interface Row {
  readonly symbol: string;
  readonly [field: string]: string | number | boolean | null | undefined;
}

/** What a message did to a list. */
export interface Changes {
  added: string[];
  removed: string[];
  moved: string[];
  updated: string[];
  /** The list was replaced by a snapshot; `moved` and `updated` say nothing then. */
  whole: boolean;
}

export interface Change {
  action: "add" | "remove" | "rerank" | "update";
  symbol: string;
  rank?: number;
  old_rank?: number;
  new_rank?: number;
  data?: { [field: string]: string | number | boolean | null };
}

export interface Snapshot {
  type: "snapshot";
  list: string;
  epoch: string;
  sequence: number;
  as_of: number;
  rows: (Row & { rank: number })[];
  checksum: number;
  simulated?: boolean;
}

export interface Delta {
  type: "delta";
  list: string;
  epoch: string;
  prev: number;
  sequence: number;
  as_of: number;
  changes: Change[];
  size: number;
  checksum: number;
}

/** What became of a delta that was offered to a copy. */
export declare const Fit: Readonly<{
  APPLIED: "applied";
  OLD: "old";
  HOLE: "hole";
  OTHER_EPOCH: "other epoch";
  MISMATCH: "mismatch";
}>;

/** The changes of a delta do not fit the rows, or a snapshot contradicts itself. */
export declare class DeltaError extends Error {}

export declare function crc32(text: string): number;
export declare function checksum(rows: readonly Row[]): number;
/** `rows` after `changes`, taken as one step. Throws DeltaError when they do not fit. */
export declare function apply(rows: readonly Row[], changes: readonly Change[]): Row[];

/** The rows of one list at one sequence. */
export declare class ListView {
  epoch: string;
  sequence: number;
  asOf: number;
  checksum: number;
  rows: Row[];
  get loaded(): boolean;
  /** Begin anew. Throws DeltaError when ranks or checksum are wrong. */
  load(snapshot: Snapshot): Changes;
  /** Apply a delta if it is the next one and proves right. */
  take(delta: Delta): { fit: (typeof Fit)[keyof typeof Fit]; changes: Changes | null };
}

/** Where a connection stands. */
export declare const Phase: Readonly<{
  IDLE: "idle";
  CONNECTING: "connecting";
  OPEN: "open";
  WAITING: "waiting";
  OFFLINE: "offline";
  TOKEN: "token needed";
  REFUSED: "refused";
}>;

/** What is wanted of a list: its first rows, and some fields only. */
export interface Wish {
  limit?: number;
  fields?: string[];
}

export interface About {
  view: ListView;
  /** Of delayed data `state` is stale and `delayed` true; `delayed_by` is by how many ms of market time. */
  beat: {
    epoch: string;
    sequence: number;
    as_of: number;
    state: "live" | "stale" | "closed";
    delayed?: boolean;
    delayed_by?: number;
  } | null;
  asOf: number;
  movedAt: number;
  resyncing: boolean;
  unknown: boolean;
  fault: string;
}

/** A connection to a bridge that mends itself, and exact copies of the lists that were asked for. */
export declare class Connection extends EventTarget {
  constructor(url: string, options?: { token?: string | null; random?: () => number });
  token: string | null;
  readonly phase: (typeof Phase)[keyof typeof Phase];
  readonly simulated: boolean;
  readonly closed: { code: number; reason: string } | null;
  readonly refusal: string;
  /** performance.now() of the next attempt, while one is waited for. */
  readonly retryAt: number;
  readonly counts: Readonly<Record<string, number>>;
  start(): void;
  stop(): void;
  view(list: string): ListView;
  about(list: string): About;
  subscribe(list: string, wish?: Wish): void;
  follows(list: string): boolean;
  unsubscribe(list: string): void;
  aggregates(on: boolean): void;
  overview(on: boolean): void;
  /** Ask for alerts: the last ones, then each as it comes, as events `alerts`. */
  alerts(): void;
  /** Send an action of the protocol; false while there is no link. What is said of lists' past comes as events `past`. */
  say(message: { action: string; [key: string]: unknown }): boolean;
  ask(symbol: string, list?: string | null): boolean;
}
