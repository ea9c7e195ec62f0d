/** The way from an alert to what it is about: the symbol in its list, in the panel that the keys are about. */

import { toast } from "../status.js";

const WAIT_MS = 5000; // for a list that is still to come

/** @param {{workspace: object, lists: Map, choose: (list: string) => void, explain: function}} page
 * @returns {(alert: {list: string, symbol: string, data: object}) => void} */
export function leader({ workspace, lists, choose, explain }) {
  let ending = new AbortController();

  function mark(panel, symbol, name) {
    const element = panel.select(symbol);
    element?.scrollIntoView({ block: "nearest" });
    const { leaf } = workspace.frames.find((frame) => frame.panel === panel);
    if (leaf.group) workspace.services.symbols.choose(leaf.group, symbol, name);
    return Boolean(element);
  }

  function gone(symbol, name) {
    toast(`${symbol} is not in the list now`);
    explain(symbol, name);
  }

  return function lead({ list, symbol, data }) {
    ending.abort();
    ending = new AbortController();
    const name = data.name ?? "";
    if (!lists.has(list)) {
      explain(symbol, name); // a list that an alert alone looks at
      return;
    }
    choose(list);
    const panel = workspace.current;
    panel.focus();
    if (panel.view.loaded && panel.shown?.rows.length && mark(panel, symbol, name)) return;
    const timer = setTimeout(() => {
      ending.abort();
      gone(symbol, name);
    }, WAIT_MS);
    ending.signal.addEventListener("abort", () => clearTimeout(timer));
    const look = ({ detail }) => {
      if (detail.panel !== panel || panel.list !== list || !panel.view.loaded) return;
      ending.abort();
      if (!mark(panel, symbol, name)) gone(symbol, name);
    };
    workspace.addEventListener("drawn", look, { signal: ending.signal });
    panel.redraw();
  };
}
