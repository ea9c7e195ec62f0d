/**
 * `window.gapscan` is a read-only handle for looking at the page from outside:
 *   list()          name of the list that keys and tools are about
 *   copy(name)      {epoch, sequence, asOf, checksum, rows} of a list that the page has, null without one
 *   shown()         its symbols on the page, from top to bottom
 *   panels()        of each panel {id, kind, group, state}, and what it shows, of a list {list, wish, shown, news}; `news`:
 *                   who comes from now on is one
 *   past()          {list, time, state, settled, asOf, prices} of the moment that is shown instead of now; null without one
 *   status()        {phase, level, word, text, held, simulated, resyncing, rung, closed}
 *   alerts()        {ids, unread, told}: those that the page knows, and in how many it told of by each way
 *   counts()        connects, snapshots, deltas, resyncs, mismatches, unreadable, errors
 * After each frame that drew something the document gets an event `gapscan:shown` with {list, epoch, sequence, panel};
 * `panel` is the panel's id.
 */

function panelOf({ leaf, panel }) {
  const { id, kind, group, state } = leaf;
  return structuredClone({ id, kind, group, state, ...panel.describe?.() });
}

/** `settled`: nothing else was asked for that is still to come. */
function pastOf({ live, list, view }) {
  if (live) return null;
  const { time, state, settled, asOf, rows } = view;
  return { list, time, state, settled, asOf, prices: rows.map(({ price }) => price ?? null) };
}

/** @param {{workspace: object, connection: object, alerts: object, health: () => object}} page */
export function expose({ workspace, connection, alerts, health }) {
  workspace.addEventListener("drawn", ({ detail: { panel } }) => {
    const { epoch, sequence } = panel.view;
    const detail = { list: panel.list, epoch, sequence, panel: workspace.idOf(panel) };
    document.dispatchEvent(new CustomEvent("gapscan:shown", { detail }));
  });
  window.gapscan = Object.freeze({
    list: () => workspace.current.list,
    copy(name) {
      const { view } = connection.about(name);
      const { epoch, sequence, asOf, checksum, rows } = view;
      return view.loaded ? { epoch, sequence, asOf, checksum, rows: structuredClone(rows) } : null;
    },
    shown: () => workspace.current.table.symbols(),
    past: () => pastOf(workspace.current),
    panels: () => workspace.frames.map(panelOf),
    status: () => ({
      phase: connection.phase,
      ...health(),
      held: workspace.current.order.held,
      simulated: connection.simulated,
      resyncing: connection.about(workspace.current.list).resyncing,
      rung: workspace.chime.rung,
      closed: connection.closed,
    }),
    alerts: () => ({ ids: alerts.log.items.map(({ id }) => id), unread: alerts.log.unread, told: { ...alerts.teller.counts } }),
    counts: () => ({ ...connection.counts }),
  });
}
