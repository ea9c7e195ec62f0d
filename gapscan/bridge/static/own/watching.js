/** Puts a symbol into the watchlist by a key: into that which was used last, or the only one; without any, into a new one. */

import { keep, settings } from "../settings.js";
import { toast } from "../status.js";
import { tomlOf } from "./toml.js";
import { grown, symbolsOf } from "./watchlist.js";

/** @param {import("./client.js").OwnLists} own @param {(symbols: string[]) => void} create  write a new watchlist of these
 * @returns {(symbol: string) => Promise<void>} */
export function watcher(own, create) {
  async function put(symbol) {
    const lists = (await own.all()).filter(({ table }) => symbolsOf(table.where));
    const list = lists.find(({ name }) => name === settings.watchlist) ?? lists[0];
    if (!list) {
      create([symbol]);
      return;
    }
    const symbols = symbolsOf(list.table.where);
    if (!symbols.includes(symbol)) await own.put(list.name, tomlOf(list.name, grown(list.table, [symbol]), list.comment), list.tag);
    keep({ watchlist: list.name });
    toast(symbols.includes(symbol) ? `${symbol} is in ${list.name} already` : `${symbol} is in ${list.name} now`);
  }

  /** Once more, when somebody else changed the list just then: one symbol more is right beside whatever they wrote. */
  const again = (symbol) => (refusal) => (refusal.code === "changed" ? put(symbol) : Promise.reject(refusal));
  const refused = (refusal) => toast(`${refusal.message.charAt(0).toUpperCase()}${refusal.message.slice(1)}`);
  let last = Promise.resolve(); // one after the other: each is put into what the one before has made
  return (symbol) => (last = last.then(() => put(symbol)).catch(again(symbol)).catch(refused));
}
