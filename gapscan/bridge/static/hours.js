/** When a list is ranked, in words. The hours are those of a usual day. */

const HOURS = {
  __proto__: null,
  night: "in the night before it (20:00–04:00)",
  pre: "before the open (04:00–09:30)",
  regular: "in regular hours (09:30–16:00)",
  post: "after the close (16:00–20:00)",
};

/** Why a list without rows has none.
 * @param {string|undefined} state  of the list, as heartbeats say it @param {string[]} sessions  of its definition; none: all */
export function emptyBecause(state, sessions) {
  if (state === undefined) return ""; // no heartbeat yet
  if (state === "stale") return "Nothing is known now: the server gets no fresh market data.";
  if (state !== "closed") return "No symbol qualifies at the moment.";
  const times = sessions.map((session) => HOURS[session]).filter(Boolean);
  return times.length ? `Closed now: this list is ranked ${times.join(" and ")}, New York time.` : "The market is closed.";
}
