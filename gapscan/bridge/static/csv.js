/** A list as it is shown, as a CSV file: values as they are, not as they are written on the page. */

import { columnOf, valueOf } from "./fields.js";

/** A spreadsheet must not take a text for a formula. */
function text(value) {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function cell(field, value) {
  if (value === null || value === undefined) return "";
  if (columnOf(field)?.time && typeof value === "number") return new Date(value).toISOString();
  return typeof value === "string" ? text(value) : String(value);
}

/** @param {object[]} rows @param {Map<string, number>} ranks @param {object[]} columns  as shown
 * @returns {string} lines that end in CR LF, as RFC 4180 has them */
export function csv(rows, ranks, columns) {
  const fields = columns.filter((column) => column.id !== "spark" && column.id !== "rank");
  const names = fields.map((column) => (column.id === "price_age" ? "price_time" : column.id));
  const unique = fields.filter((_, index) => names.indexOf(names[index]) === index);
  const lines = rows.map((row) => [
    ranks.get(row.symbol) ?? "",
    ...unique.map((column) => cell(column.id === "price_age" ? "price_time" : column.id, valueOf(column, row))),
  ]);
  return [["rank", ...new Set(names)], ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

/** What a list's file is called. @param {string} list @param {number} asOf market time, or 0 @param {boolean} simulated */
export function csvName(list, asOf, simulated) {
  const at = new Date(asOf || Date.now()).toISOString().slice(0, 19).replaceAll(":", "");
  return `gapscan-${list}-${at}${simulated ? "-SIMULATED" : ""}.csv`;
}

/** Hand `content` to the user as a file. */
export function download(name, content, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
