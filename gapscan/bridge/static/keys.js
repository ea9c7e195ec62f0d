/** Single keys, wherever nothing is being typed. */

/** Whether a dialog keeps all else from being used; a click on what in it takes no focus leaves the focus to the page. */
export function behindDialog() {
  return document.querySelector("dialog:modal") !== null;
}

/** Whether a key belongs to what has the focus. A dialog that was just closed may still have it until the next frame. */
function typing(target) {
  const dialog = target.closest?.("dialog");
  return dialog ? dialog.open : Boolean(target.closest?.("input, textarea, select"));
}

/** Call `actions[key]()` when a key is pressed alone; letters are the same in both cases.
 * Keys that are held down repeat only where moving on makes sense.
 * @param {Record<string, (event: KeyboardEvent) => void>} actions @param {() => void} settle  called before each: what the
 *   key before did is to be there */
export function listenToKeys(actions, settle) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || behindDialog()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = Object.hasOwn(actions, key) ? actions[key] : null;
    if (!action || (event.repeat && !MOVING.has(key))) return;
    if ((key === "Enter" || key === " ") && event.target.closest("button")) return;
    event.preventDefault();
    settle();
    action(event);
  });
}

const MOVING = new Set(["ArrowDown", "ArrowUp", "j", "k"]);
