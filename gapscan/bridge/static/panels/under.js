import { timeline } from "../timeline/timeline.js";

/**
 * What stands under the rows of each list panel, from top to bottom. An entry is a function that fills an element:
 *
 *     function timeline({ element, signal, connection, panel, page, ask }) {
 *       ...
 *       return { listed(name) {}, close() {} };   // both optional
 *     }
 *
 *   element      as wide as the panel, as high as its content; hidden while it is empty
 *   signal       ends with the panel
 *   panel        the ListPanel: `list` is its list's name (`listed` is called when it is another), `wish` what it shows of
 *                it; showPast({rows, asOf, epoch, sequence, word, text}) shows that in place of the live list: `word` is
 *                what the panel says of itself instead of Live, `text` a sentence or ""; showPast(null): the live list
 *   page         `alone`: the page has this panel only
 *   ask(path)    fetch of a path of the bridge, with the token
 */
export const UNDER = Object.freeze([timeline]);
