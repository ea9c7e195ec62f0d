/** What a connection asks for beside lists: once, and again on each new link. */

export class Errands {
  #aggregates = false;
  #overview = false;
  #alerts = false;
  #alert = null; // the id of the last one that came

  /** @returns {{action: string}} the message that asks, as of all here */
  aggregates(on) {
    this.#aggregates = on;
    return { action: "aggregates", on };
  }

  overview(on) {
    this.#overview = on;
    return { action: "overview", on };
  }

  /** On a new link, those after the last one that came. */
  alerts() {
    this.#alerts = true;
    return { action: "alerts", on: true, after: this.#alert };
  }

  /** Alerts came. @param {{alerts: {id: string}[]}} message */
  alerted({ alerts }) {
    this.#alert = alerts.at(-1)?.id ?? this.#alert;
  }

  /** What asks a new link for all that is wanted. @returns {{action: string}[]} */
  again() {
    const wanted = [this.#aggregates && this.aggregates(true), this.#overview && this.overview(true), this.#alerts && this.alerts()];
    return wanted.filter(Boolean);
  }
}
