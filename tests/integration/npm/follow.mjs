// Prints what each way of the package shows: JSON lines. node follow.mjs nats|bridge URL LIST [PASSWORD [PREFIX]]
import { Connection } from "gapscan";
import { follow } from "gapscan/nats";
import { wsconnect } from "@nats-io/nats-core";

const [way, url, list, pass, prefix] = process.argv.slice(2);
const print = (view, state) => console.log(JSON.stringify({ epoch: view.epoch, sequence: view.sequence, rows: view.rows, state }));

if (way === "nats") {
  const login = { user: "reader", pass, inboxPrefix: "_INBOX_reader" };
  const nc = await wsconnect({ servers: url, ...login, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  for await (const { view, state } of follow(nc, list, { prefix })) print(view, state);
} else {
  const connection = new Connection(url);
  connection.addEventListener("change", () => print(connection.view(list), ""));
  connection.subscribe(list, { limit: 5, fields: ["price"] });
  connection.start();
}
