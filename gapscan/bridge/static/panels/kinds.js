/**
 * The kinds of panels. A new kind is a module in this folder and one line in KINDS:
 *
 *     export const clockPanel = {
 *       title: "Clock",
 *       open(context) {
 *         context.element.textContent = "...";
 *         return { close() {} };
 *       },
 *     };
 *
 * `open` fills `context.element` and returns the panel. Of the context:
 *   element              the panel's room; it scrolls nothing by itself
 *   id(name)             an id for an element of this panel, which no other panel has
 *   signal               ends with the panel: give it to every addEventListener beyond `element`, and to fetch
 *   connection           the page's one connection (connection.js)
 *   market               {now}: market time, 0 before it is known; event `day`: it is of another day (markettime.js)
 *   lists                Map of the lists' definitions by name; it is filled when the server says which there are
 *   state, keep(state)   what is kept of this panel, as JSON, and how to keep another. It may come from anybody's
 *                        file: read from it with care. {} in a new panel
 *   symbol               {symbol, name} chosen in the panel's colour group; symbol is "" when there is none
 *   choose(symbol, name) choose one: in all panels of the group, here and in other windows
 *   title(text)          what the panel is called now
 *   note(text)           a few words beside it
 *   status({level, word, text})  how it stands; see health.js
 *   alerts               {log, teller, lead, open} of alerts; see alerts/
 *   links()              templates of links to pages about a symbol; see links.js
 *   ask(path)            fetch of a path of the bridge, such as "api/lists", with the token; a Promise of the Response
 * Of the panel, `close` alone is needed:
 *   close()              end all that it began; the element is taken away after it
 *   select(symbol, name) the group has chosen a symbol, maybe by this panel; name may be ""
 *   resize()             the room has another size
 *   tick(now)            four times a second, performance.now()
 *   focus()              the panel got the keyboard
 *   defined()            `lists` has changed
 *   fields               names of the fields that it wants of the rows of its colour's lists, whatever those show
 *   describe()           what it shows, as JSON, for whoever looks at the page from outside
 */

import { alertsPanel } from "./alerts.js";
import { chartPanel } from "./chart.js";
import { haltsPanel } from "./halts.js";
import { listPanel } from "./list.js";
import { logPanel } from "./log.js";
import { nearPanel } from "./near.js";
import { symbolPanel } from "./symbol.js";

/** By the name under which layouts keep them. New names are added, none is given another meaning. */
export const KINDS = Object.freeze({
  __proto__: null,
  list: listPanel,
  chart: chartPanel,
  symbol: symbolPanel,
  alerts: alertsPanel,
  near: nearPanel,
  halts: haltsPanel,
  log: logPanel,
});
