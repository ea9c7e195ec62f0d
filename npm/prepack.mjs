// The modules are the page's own: they are copied from there when the package is made, so that there is one of each.

import { copyFileSync } from "node:fs";

const PAGE = new URL("../gapscan/bridge/static/", import.meta.url);
const MODULES = [
  "listview.js", "connection.js", "phase.js", "socket.js", "pagelife.js", "errands.js", "copies.js", "subscription.js",
  "attempts.js", "backoff.js", "diagnosis.js",
];

for (const name of MODULES) copyFileSync(new URL(name, PAGE), new URL(name, import.meta.url));
copyFileSync(new URL("../LICENSE", import.meta.url), new URL("LICENSE", import.meta.url));
