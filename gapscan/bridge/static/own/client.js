/** Asks the bridge about lists that are being written, and changes those that are the user's own. */

import { EDIT, askToken, storedToken } from "../dialogs.js";

/** Why a request was refused: `code` for programs, the message for people. */
export class Refusal extends Error {
  constructor({ code = "", detail = "", title = "" }) {
    super(detail || title);
    this.code = code;
  }
}

const UNREACHED = { code: "unreached", detail: "The bridge cannot be reached." };

export class OwnLists {
  #ask;
  #token = storedToken(EDIT);

  /** @param {(path: string, options?: RequestInit) => Promise<Response>} ask */
  constructor(ask) {
    this.#ask = ask;
  }

  /** Has the user say the token that lets lists be changed. @param {() => void} then */
  askToken(then) {
    askToken((token) => {
      this.#token = token;
      then();
    }, EDIT);
  }

  /** All of them, {name, tag, table, comment}. Throws Refusal, like all here. */
  async all() {
    return (await this.#changing("api/own-lists")).lists;
  }

  /** What a list would have now, {faults, warnings, preview}. @param {string} definition TOML @param {AbortSignal} [signal] */
  preview(definition, signal) {
    return this.#json(`api/preview?${new URLSearchParams({ definition })}`, { signal });
  }

  /** How often it would have fired. @param {string} definition @param {AbortSignal} [signal] */
  trial(definition, signal) {
    return this.#json(`api/backtest?${new URLSearchParams({ definition })}`, { signal });
  }

  /** Add a list (tag null), or change what `tag` is of. Returns {list, warnings}. */
  put(name, definition, tag) {
    const when = tag === null ? { "If-None-Match": "*" } : { "If-Match": `"${tag}"` };
    const headers = { "Content-Type": "application/toml", ...when };
    return this.#changing(`api/own-lists/${encodeURIComponent(name)}`, { method: "PUT", body: definition, headers });
  }

  remove(name, tag) {
    return this.#changing(`api/own-lists/${encodeURIComponent(name)}`, { method: "DELETE", headers: { "If-Match": `"${tag}"` } });
  }

  /** With the token for it, if one was said. A wrong one is not said again: each time would be a guess. */
  async #changing(path, { headers, ...options } = {}) {
    const said = this.#token;
    const token = said ? { Authorization: `Bearer ${said}` } : {};
    try {
      return await this.#json(path, { ...options, headers: { ...headers, ...token } });
    } catch (refusal) {
      if (refusal.code === "no_token" && this.#token === said) this.#token = null;
      throw refusal;
    }
  }

  async #json(path, options) {
    const response = await this.#reached(path, options);
    if (response.status === 204) return null;
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new Refusal(body);
    return body;
  }

  async #reached(path, options) {
    try {
      return await this.#ask(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(UNREACHED);
    }
  }
}
