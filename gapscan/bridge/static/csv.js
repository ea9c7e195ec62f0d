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

/** Lines that end in CR LF, as RFC 4180 has them. */
function csv(rows, ranks, columns) {
  const fields = columns.filter((column) => column.id !== "spark" && column.id !== "rank");
  const names = fields.map((column) => (column.id === "price_age" ? "price_time" : column.id));
  const unique = fields.filter((_, index) => names.indexOf(names[index]) === index);
  const lines = rows.map((row) => [
    ranks.get(row.symbol) ?? "",
    ...unique.map((column) => cell(column.id === "price_age" ? "price_time" : column.id, valueOf(column, row))),
  ]);
  return [["rank", ...new Set(names)], ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

/** What a list's file is called. */
function csvName(list, asOf, simulated) {
  const at = new Date(asOf || Date.now()).toISOString().slice(0, 19).replaceAll(":", "");
  return `gapscan-${list}-${at}${simulated ? "-SIMULATED" : ""}.csv`;
}

/** Save a list; pinned rows that are not in it are left out. Returns the name of the file.
 * @param {{list: string, asOf: number, simulated: boolean}} of  asOf: market time, or 0
 * @param {import("./order.js").Shown} shown @param {object[]} columns  as shown */
export function saveList({ list, asOf, simulated }, { rows, ranks }, columns) {
  const name = csvName(list, asOf, simulated);
  const here = rows.filter((row) => !row.absent);
  download(name, csv(here, ranks, columns));
  return name;
}

/** Hand `content` to the user as a file. */
export function download(name, content, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
