/** What a user chose, kept in the browser. Works without storage too: then it lasts as long as the page. */

const KEY = "gapscan.settings";

const DEFAULTS = Object.freeze({
  theme: "auto", // auto | dark | light
  compact: false,
  sound: false,
  hold: true, // hold the order while the pointer is over the rows
  list: "",
  watchlist: "", // which a key puts symbols into
  alertMute: false, // nothing is told, whatever is on
  alertToast: false,
  alertDesktop: false,
  alertSound: false,
  alertSpeech: false,
  alertSounds: {}, // by an alert's name: its sound
  columns: {}, // "list.wide" or "list.narrow": ids of the columns that were chosen for the list
  looks: {}, // by the same keys: order and widths of the columns
  wide: null, // those chosen for all other lists; null: the page's own choice
  narrow: null,
});

function read() {
  try {
    return parsed(localStorage.getItem(KEY));
  } catch {
    return {}; // no storage
  }
}

function parsed(text) {
  try {
    const stored = JSON.parse(text ?? "{}");
    return Object.fromEntries(Object.entries(stored ?? {}).filter(([key, value]) => fits(key, value)));
  } catch {
    return {};
  }
}

/** Whether a stored value is one that this page could have stored. */
function fits(key, value) {
  if (key === "wide" || key === "narrow") return value === null || areIds(value);
  if (key === "alertSounds") return value !== null && typeof value === "object" && areIds(Object.values(value));
  if (key === "looks") return value !== null && typeof value === "object";
  if (key === "columns") return value !== null && typeof value === "object" && Object.values(value).every(areIds);
  return Object.hasOwn(DEFAULTS, key) && typeof value === typeof DEFAULTS[key];
}

function areIds(value) {
  return Array.isArray(value) && value.every((id) => typeof id === "string");
}

export const settings = { ...DEFAULTS, ...read() };

/** Change settings, and keep them: what was chosen in other tabs stays. @param {Partial<typeof DEFAULTS>} values */
export function keep(values) {
  Object.assign(settings, values);
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...DEFAULTS, ...read(), ...values }));
  } catch {
    // storage is full or not allowed: the choice lasts as long as the page
  }
}

/** Take over what is chosen in other tabs, as far as it is not about this tab alone. @param {() => void} changed */
export function onChangeElsewhere(changed) {
  globalThis.addEventListener?.("storage", ({ key, newValue }) => {
    if (key !== KEY) return;
    const { list: _, ...shared } = parsed(newValue); // storage itself may still have the older text
    Object.assign(settings, shared);
    changed();
  });
}
