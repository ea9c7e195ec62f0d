/**
 * A client's exact copy of one ranked list: it takes snapshots and deltas, and proves that it is right.
 *
 * No network, no page, no clock; it works wherever ES modules do.
 *
 *     const view = new ListView();
 *     view.load(snapshot);                      // {"type":"snapshot", ...}
 *     const { fit } = view.take(delta);         // {"type":"delta", ...}
 *     if (fit !== Fit.APPLIED && fit !== Fit.OLD) askForTheListAgain();
 *     view.rows[0].symbol                       // the row of rank 1
 *
 * Rows are never changed in place: a row that nobody touched is the same object after a delta.
 */

/** A row: its symbol and any number of fields; null and absent both mean "no value". Its rank is its position.
 * @typedef {{symbol: string, [field: string]: *}} Row */

/** What a message did to the list.
 * @typedef {object} Changes
 * @property {string[]} added     symbols that came
 * @property {string[]} removed   symbols that left
 * @property {string[]} moved     symbols that were reranked; rows that only made room for others are not among them
 * @property {string[]} updated   symbols of which some field changed
 * @property {boolean} whole      the list was replaced by a snapshot; `moved` and `updated` say nothing then */

/** What became of a delta that was offered to a copy. */
export const Fit = Object.freeze({
  APPLIED: "applied",
  OLD: "old", // at or before the copy's sequence: nothing to do
  HOLE: "hole", // deltas before it are missing
  OTHER_EPOCH: "other epoch", // of another incarnation of the list: take the snapshot
  MISMATCH: "mismatch", // it does not fit, or the checksum differs: take the snapshot
});

/** The changes of a delta do not fit the rows, or a snapshot contradicts itself. */
export class DeltaError extends Error {}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const UTF8 = new TextEncoder();

/** CRC-32 (as in zlib and PNG) of a text in UTF-8, as an unsigned number.
 * @param {string} text */
export function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of UTF8.encode(text)) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The checksum of a list: CRC-32 of its symbols in order, joined by a newline; 0 for an empty list.
 * @param {Row[]} rows */
export function checksum(rows) {
  return crc32(rows.map((row) => row.symbol).join("\n"));
}

/** `rows` after `changes`, taken as one step: a new array that shares the rows nobody touched.
 *
 * Takes out every removed and reranked row, inserts the placed ones by ascending rank, merges the updates.
 * Throws DeltaError when the changes do not fit; `rows` is untouched then.
 * @param {Row[]} rows
 * @param {object[]} changes
 * @returns {Row[]} */
export function apply(rows, changes) {
  const { lifted, placed, updates } = sortOut(rows, changes);
  const result = lifted.size ? rows.filter((row) => !lifted.has(row.symbol)) : rows.slice();
  for (const [rank, row] of placed) {
    if (rank > result.length + 1) throw new DeltaError(`${row.symbol} is placed at rank ${rank}, past the end`);
    result.splice(rank - 1, 0, row);
  }
  for (const { rank, symbol, data } of updates) {
    const row = result[rank - 1];
    if (row?.symbol !== symbol) throw new DeltaError(`update of ${symbol} at rank ${rank}, but it is not there`);
    result[rank - 1] = { ...row, ...data };
  }
  return result;
}

/** Which symbols are taken out, what is put where, and what is merged after that. */
function sortOut(rows, changes) {
  const held = new Map(rows.map((row, index) => [row.symbol, index + 1]));
  const sorted = { lifted: new Set(), placed: [], updates: [] };
  for (const change of changes) {
    const handle = HANDLERS[change.action];
    if (!handle) throw new DeltaError(`a change with the unknown action ${change.action}`);
    handle(sorted, change, held, rows);
  }
  checkOrder(sorted.placed);
  return sorted;
}

const HANDLERS = {
  __proto__: null,
  update(sorted, change) {
    sorted.updates.push(change);
  },
  remove(sorted, { symbol }, held) {
    lift(symbol, held.get(symbol), sorted.lifted);
  },
  rerank(sorted, { symbol, old_rank: from, new_rank: to }, held, rows) {
    const rank = lift(symbol, held.get(symbol), sorted.lifted);
    if (rank !== from) throw new DeltaError(`rerank of ${symbol} from rank ${from}, but it is at ${rank}`);
    sorted.placed.push([to, rows[rank - 1]]);
  },
  add(sorted, { rank, symbol, data }, held) {
    if (held.has(symbol)) throw new DeltaError(`add of ${symbol}, which is in the list already`);
    held.set(symbol, 0);
    sorted.placed.push([rank, { symbol, ...data }]);
  },
};

function lift(symbol, rank, lifted) {
  if (!rank || lifted.has(symbol)) throw new DeltaError(`${symbol} is to be taken out, but it is not in the list`);
  lifted.add(symbol);
  return rank;
}

function checkOrder(placed) {
  let earlier = 0;
  for (const [rank] of placed) {
    if (!(rank > earlier)) throw new DeltaError("adds and reranks are not in the order of their ranks");
    earlier = rank;
  }
}

/** The rows of a snapshot, in order, without their ranks. Throws DeltaError when the ranks are not 1, 2, 3 ... */
function unranked(snapshot) {
  return snapshot.rows.map(({ rank, ...row }, index) => {
    if (rank !== index + 1) throw new DeltaError(`the snapshot of ${snapshot.list} has rank ${rank} in place ${index + 1}`);
    return row;
  });
}

function symbolsOf(changes, action) {
  return changes.filter((change) => change.action === action).map((change) => change.symbol);
}

/** The rows of one list at one sequence. */
export class ListView {
  constructor() {
    /** Names one incarnation of the list; "" before the first snapshot. */
    this.epoch = "";
    this.sequence = 0;
    /** Market time of the rows, UTC epoch milliseconds. */
    this.asOf = 0;
    this.checksum = 0;
    /** @type {Row[]} */
    this.rows = [];
  }

  /** Whether there is a list to show, and to resume from. */
  get loaded() {
    return this.epoch !== "";
  }

  /** Begin anew from a snapshot. Throws DeltaError when its ranks or its checksum are wrong; nothing changes then.
   * @param {object} snapshot
   * @returns {Changes} */
  load(snapshot) {
    const rows = unranked(snapshot);
    if (checksum(rows) !== snapshot.checksum) {
      throw new DeltaError(`the snapshot of ${snapshot.list} at ${snapshot.sequence} has a wrong checksum`);
    }
    const before = new Set(this.rows.map((row) => row.symbol));
    const after = new Set(rows.map((row) => row.symbol));
    const changes = {
      added: [...after].filter((symbol) => !before.has(symbol)),
      removed: [...before].filter((symbol) => !after.has(symbol)),
      moved: [],
      updated: [],
      whole: true,
    };
    Object.assign(this, { rows, checksum: snapshot.checksum, epoch: snapshot.epoch });
    Object.assign(this, { sequence: snapshot.sequence, asOf: snapshot.as_of });
    return changes;
  }

  /** Apply a delta if it is the next one and proves right; the copy changes only when `fit` is APPLIED.
   * @param {object} delta
   * @returns {{fit: string, changes: ?Changes}} */
  take(delta) {
    const fit = this.#fit(delta);
    if (fit !== Fit.APPLIED) return { fit, changes: null };
    const rows = this.#proved(delta);
    if (rows === null) return { fit: Fit.MISMATCH, changes: null };
    Object.assign(this, { rows, checksum: delta.checksum, sequence: delta.sequence, asOf: delta.as_of });
    const [added, removed, moved, updated] = ["add", "remove", "rerank", "update"].map((action) =>
      symbolsOf(delta.changes, action),
    );
    return { fit, changes: { added, removed, moved, updated, whole: false } };
  }

  #fit(delta) {
    if (delta.epoch !== this.epoch) return Fit.OTHER_EPOCH;
    if (delta.sequence <= this.sequence) return Fit.OLD;
    return delta.prev === this.sequence ? Fit.APPLIED : Fit.HOLE;
  }

  /** The rows after `delta`, or null when it does not fit or its size or checksum say otherwise. */
  #proved(delta) {
    try {
      const rows = apply(this.rows, delta.changes);
      return rows.length === delta.size && checksum(rows) === delta.checksum ? rows : null;
    } catch (error) {
      if (error instanceof DeltaError) return null;
      throw error;
    }
  }
}
