/** gapscan's lists, exact: `Connection` follows them at a bridge, `ListView` is a copy of one list. */

export { Connection, Phase } from "./connection.js";
export { apply, checksum, crc32, DeltaError, Fit, ListView } from "./listview.js";
