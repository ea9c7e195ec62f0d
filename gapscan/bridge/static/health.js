/** Whether what is shown may be called live, in words. No page, no clock: time is an argument. */

import { Phase } from "./connection.js";
import { clock, span } from "./format.js";
import { delay } from "./lateness.js";

/** After so many heartbeats without news, of the server or of the market, a list is not called live any more. */
const MISSED_BEATS = 2.3;

/** @typedef {object} Health
 * @property {"live"|"calm"|"warn"|"bad"} level   live is said only while everything is
 * @property {string} word    one or two words
 * @property {string} text    a sentence; "" when there is nothing to add */

/** @returns {Health} */
function health(level, word, text = "") {
  return { level, word, text };
}

/** What to say of a list.
 * @param {import("./connection.js").Connection} connection
 * @param {object} about  of the list, as `connection.about` gives it
 * @param {number} now    performance.now()
 * @returns {Health} */
export function healthOf(connection, about, now) {
  const since = about.asOf ? ` The list is as of ${clock(about.asOf)}.` : "";
  if (connection.phase !== Phase.OPEN) return unconnected(connection, now, since);
  if (about.unknown) return health("bad", "No such list", "The server does not know this list.");
  const limit = MISSED_BEATS * connection.hello.heartbeat * 1000;
  return silence(connection, about, now, since, limit) ?? standing(about, now, since, limit);
}

function unconnected(connection, now, since) {
  switch (connection.phase) {
    case Phase.CONNECTING:
      return health("warn", "Connecting", since.trim());
    case Phase.WAITING:
      return health("bad", "Disconnected", `${why(connection)}Trying again in ${span(connection.retryAt - now + 999)}.${since}`);
    case Phase.OFFLINE:
      return health("bad", "Offline", `This device has no network.${since}`);
    case Phase.TOKEN:
      return health("bad", "Token needed", "The server asks for an access token.");
    case Phase.REFUSED:
      return health("bad", "Refused", `The server closed the connection (${reason(connection)}). Reload to try again.${since}`);
    default:
      return health("bad", "Stopped", since.trim());
  }
}

function why({ refusal }) {
  return refusal ? `${refusal} ` : "";
}

function reason({ closed }) {
  return closed ? `${closed.code}${closed.reason ? `: ${closed.reason}` : ""}` : "no reason given";
}

/** Nothing was heard of the list for too long, or nothing yet. */
function silence(connection, about, now, since, limit) {
  const quiet = now - connection.beatAt;
  if (quiet > limit) return health("bad", "No heartbeat", `Nothing was heard for ${span(quiet)}: the list may be old.${since}`);
  if (about.resyncing) return health("warn", "Repairing", `A part of the list was missed and is fetched again.${since}`);
  return about.beat && about.view.loaded ? null : health("warn", "Loading", since.trim());
}

/** Why a list does not move that should. */
function stillness({ fault }) {
  return fault ? "The server cannot send this list's newest rows; it goes on when it can." : "The server gets no market data.";
}

function late({ beat }) {
  return beat.delayed_by ? `about ${delay(beat.delayed_by)}` : "more than a minute";
}

/** What to say of a market, of which the server has said how it stands.
 * @param {{market_time: number, state: ?string}} market @returns {Health} */
export function marketHealth({ market_time: time, state }) {
  const since = time ? `As of ${clock(time)}.` : "";
  switch (state) {
    case "live":
      return health("live", "Live", since);
    case "closed":
      return health("calm", "Closed", `No list is ranked in this session. ${since}`);
    case "delayed":
      return health("warn", "Delayed", `The data plan is delayed. ${since}`);
    case "stale":
      return health("bad", "Stale", `The server gets no market data. ${since}`);
    default:
      return health("warn", "Loading", "No list has rows yet, by which market time is known.");
  }
}

/** What the server says of the list, and whether its data really moves. */
function standing(about, now, since, limit) {
  const still = now - about.movedAt;
  if (about.beat.state === "closed") return health("calm", "Closed", `This list is not ranked in this session.${since}`);
  if (about.beat.delayed) return health("warn", "Delayed", `All prices are ${late(about)} old: the data plan is delayed.${since}`);
  if (about.beat.state !== "live") return health("bad", "Stale", `${stillness(about)}${since}`);
  return still > limit ? health("warn", "No new data", `Market data stood still for ${span(still)}.${since}`) : health("live", "Live");
}
