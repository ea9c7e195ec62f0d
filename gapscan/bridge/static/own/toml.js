/** Writes a list as TOML, as a file of own lists has it. Pure. */

/** Texts, numbers, flags and arrays of these are written in JSON as in TOML, but for one character. */
function value(one) {
  return JSON.stringify(one).replaceAll("\x7f", "\\u007f");
}

/** @param {string} name @param {Record<string, *>} table @param {string} [comment]  whole lines that begin with #
 * @returns {string} */
export function tomlOf(name, table, comment = "") {
  const lines = Object.entries(table).map(([key, one]) => `${key} = ${value(one)}`);
  const header = /^[A-Za-z0-9_-]+$/.test(name) ? name : value(name);
  return `${comment}[lists.${header}]\n${lines.join("\n")}\n`;
}
