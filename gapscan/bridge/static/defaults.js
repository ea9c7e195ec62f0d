/** Which columns a list shows until somebody chooses: what those look at who trade from it. */

const USUAL = ["name", "spark", "price", "change_percent", "gap_percent", "change_from_open_percent", "change_5m_percent", "from_high_percent", "volume", "rvol", "dollar_volume", "price_age"];

/** On a wide page these are shown in any case. */
const ALWAYS = ["name", "spark", "price", "change_percent", "volume", "price_age"];

const WIDE = {
  __proto__: null,
  gappers_up: ["gap_percent", "change_from_open_percent", "from_high_percent", "rvol", "dollar_volume", "float_shares"],
  gappers_down: ["gap_percent", "change_from_open_percent", "from_low_percent", "rvol", "dollar_volume", "float_shares"],
  momentum_up: ["change_5m_percent", "change_1m_percent", "from_high_percent", "rvol", "volume_1m", "dollar_volume"],
  momentum_down: ["change_5m_percent", "change_1m_percent", "from_low_percent", "rvol", "volume_1m", "dollar_volume"],
  winners: ["gap_percent", "change_from_open_percent", "change_5m_percent", "rvol", "dollar_volume", "market_cap"],
  losers: ["gap_percent", "change_from_open_percent", "change_5m_percent", "rvol", "dollar_volume", "market_cap"],
  new_highs: ["high_time", "high", "change_5m_percent", "gap_percent", "rvol", "dollar_volume"],
  new_lows: ["low_time", "low", "change_5m_percent", "gap_percent", "rvol", "dollar_volume"],
  high_volume: ["rvol", "average_volume", "volume_1m", "change_5m_percent", "dollar_volume", "float_shares"],
  most_active: ["dollar_volume", "rvol", "trades_z", "change_5m_percent", "market_cap", "sector"],
  anomalies: ["trades_z", "volume_1m", "change_1m_percent", "change_5m_percent", "rvol", "dollar_volume"],
  reversals: ["gap_percent", "change_from_open_percent", "from_high_percent", "from_low_percent", "rvol", "dollar_volume"],
  post_market: ["post_change_percent", "post_volume", "dollar_volume", "market_cap", "sector"],
  low_float: ["float_shares", "rvol", "change_5m_percent", "from_high_percent", "volume_1m", "dollar_volume"],
  price_spikes: ["spike_time", "spike_size", "change_1m_percent", "volume_1m", "change_5m_percent", "rvol"],
  halted: ["halt", "halt_time", "change_5m_percent", "change_1m_percent", "rvol", "float_shares"],
};

const NARROW = {
  __proto__: null,
  momentum_up: ["change_5m_percent", "rvol"],
  momentum_down: ["change_5m_percent", "rvol"],
  new_highs: ["high_time"],
  new_lows: ["low_time"],
  high_volume: ["rvol"],
  anomalies: ["trades_z", "volume_1m"],
  reversals: ["gap_percent", "change_from_open_percent"],
  post_market: ["post_change_percent", "post_volume"],
  low_float: ["float_shares", "rvol"],
  price_spikes: ["spike_time", "change_1m_percent"],
  halted: ["halt_time"],
};

/** The ids of a list's columns, beside those it is ranked by.
 * @param {string} list @param {"wide"|"narrow"} width  of the page */
export function defaultsFor(list, width) {
  if (width === "narrow") return ["price", "change_percent", ...(NARROW[list] ?? ["volume"])];
  return WIDE[list] ? [...ALWAYS, ...WIDE[list]] : USUAL;
}
