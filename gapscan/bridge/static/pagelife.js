/** What becomes of the page that a connection stands on, and of its network. Without a page, nothing does. */

/** Call one of these whenever it happens.
 * @param {{offline: function, online: function, left: function, back: function, shown: function}} acts  `left` and `back`:
 *   for another page, and by the browser's buttons; `shown`: after it was hidden */
export function onPageLife({ offline, online, left, back, shown }) {
  globalThis.addEventListener?.("offline", () => offline());
  globalThis.addEventListener?.("online", () => online());
  // A page that is left may come back with a socket of which nobody told it that it is dead.
  globalThis.addEventListener?.("pagehide", () => left());
  globalThis.addEventListener?.("pageshow", () => back());
  globalThis.document?.addEventListener("visibilitychange", () => document.hidden || shown());
}
