/** Where a connection stands. */
export const Phase = Object.freeze({
  IDLE: "idle", // not started, or stopped
  CONNECTING: "connecting",
  OPEN: "open",
  WAITING: "waiting", // until the next attempt, at `retryAt`
  OFFLINE: "offline", // the browser has no network
  TOKEN: "token needed", // the server wants a token: set `token` and call `start`
  REFUSED: "refused", // the server will not have this client: see `closed`
});
