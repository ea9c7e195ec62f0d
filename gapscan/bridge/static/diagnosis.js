/** Why a WebSocket does not open, by a plain request to its address: what a browser hears of a handshake it keeps to itself. */

const PROXY = "The server is there, but WebSockets do not get through: a proxy on the way must pass on the headers Upgrade and Connection";

/** A sentence, or "" when nothing can be said. @param {string} url  ws:// or wss:// @returns {Promise<string>} */
export async function diagnosis(url) {
  try {
    const answer = await fetch(url.replace(/^ws/, "http"), { method: "POST", signal: AbortSignal.timeout(5000) });
    if (answer.ok) return `${PROXY}.`;
    if (![403, 421, 429, 503].includes(answer.status)) return "";
    const text = (await answer.text()).trim().slice(0, 300);
    return `The server refuses the connection: ${text}.`;
  } catch {
    return ""; // it cannot be reached at all
  }
}
