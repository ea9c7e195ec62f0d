// The reference: a plain loop over the clients of a `ws` server, one frame of SIZE bytes each, again and again.
import { createRequire } from 'node:module';
const { WebSocketServer } = createRequire(process.argv[2] + '/')('ws');
const frame = 'x'.repeat(Number(process.argv[3]) - 4);
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 }, () =>
  console.log(server.address().port),
);
process.on('SIGTERM', () => process.exit(0));
const round = () => {
  for (const client of server.clients) if (client.bufferedAmount < 32768) client.send(frame);
  setImmediate(round);
};
round();
