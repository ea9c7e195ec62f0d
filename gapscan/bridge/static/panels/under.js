/**
 * What stands under the rows of each list panel, from top to bottom. An entry is a function that fills an element:
 *
 *     function timeline({ element, signal, connection, list, show, ask }) {
 *       ...
 *       return { listed(name) {}, close() {} };   // both optional
 *     }
 *
 *   element      as wide as the panel, as high as its content; hidden while it is empty
 *   signal       ends with the panel
 *   list()       name of the panel's list; `listed` is called when it is another
 *   show(past)   shows {rows, asOf, epoch, sequence, word, text} in place of the live list: `word` is what the panel
 *                says of itself instead of Live, `text` a sentence or "". show(null): the live list again
 *   ask(path)    fetch of a path of the bridge, with the token
 */
export const UNDER = Object.freeze([]);
