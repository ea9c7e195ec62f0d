/** Trading halts in words: the exchanges' codes, and how a halt stands. */

import { clockOn } from "./format.js";

/** What the codes of Nasdaq's list of halts, which has all listings, mean. */
const REASONS = {
  __proto__: null,
  T1: "News pending",
  T2: "News is out",
  T3: "News and resumption times are out",
  T5: "Single-stock pause",
  T6: "Extraordinary market activity",
  T7: "Single-stock pause, quotes only",
  T8: "Fund whose holdings do not trade",
  T12: "The exchange asked for information",
  H4: "Not in compliance",
  H9: "Filings are missing",
  H10: "Suspended by the SEC",
  H11: "Regulatory concern",
  O1: "Operations",
  IPO1: "First day, not trading yet",
  IPOQ: "First day, quotes only",
  IPOE: "First day, quotes for longer",
  LUDP: "Volatility pause",
  LUDS: "Volatility pause, straddle",
  M: "Volatility pause",
  M1: "Corporate action",
  M2: "No quotes",
  MWC1: "Market-wide halt, level 1",
  MWC2: "Market-wide halt, level 2",
  MWC3: "Market-wide halt, level 3",
  MWCQ: "Market-wide halt, over",
  D: "Deleted from the exchange",
};

/** @param {?string} code @returns {string} with the code, for whoever knows it; "" without one */
export function reasonText(code) {
  if (!code) return "";
  const words = REASONS[code.trim()];
  return words ? `${words} (${code.trim()})` : code;
}

/** A halt in a sentence. @param {{status: string, time: number, reason: ?string, resumes_at: ?number}} halt
 * @param {number} now  market time; 0: not known */
export function haltText({ status, time, reason, resumes_at: resumes }, now) {
  const over = status === "resumed";
  const next = resumes && !over ? `to resume at ${clockOn(resumes, now)}` : "";
  const parts = [`${over ? "Resumed at" : "Halted since"} ${clockOn(time, now)}`, reasonText(reason), next];
  return `${parts.filter(Boolean).join(" · ")}.`;
}
