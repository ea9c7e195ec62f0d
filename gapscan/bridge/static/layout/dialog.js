/** The dialog of layouts: choose one, keep one under a name, hand one on; and the panels that can be added. */

import { download } from "../csv.js";
import { isTemplate, MOST_LINKS, templatesIn } from "../links.js";
import { make } from "../patch.js";
import { KINDS } from "../panels/kinds.js";
import { toast } from "../status.js";
import { linkTo } from "./link.js";
import { LayoutError, readLayout, writeLayout } from "./read.js";
import { MOST } from "./tree.js";

const byId = (id) => document.getElementById(id);
const LARGEST = 400_000; // bytes of a file that is looked at

function button(text, act) {
  const element = make("button", "", text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

export class LayoutDialog {
  #workspace;
  #layouts;
  #dialog = byId("layouts-dialog");

  /** @param {import("../workspace.js").Workspace} workspace @param {import("./store.js").Layouts} layouts */
  constructor(workspace, layouts) {
    this.#workspace = workspace;
    this.#layouts = layouts;
    byId("layouts-panels").replaceChildren(...Object.entries(KINDS).map(([kind, { title }]) => button(title, () => this.#add(kind, title))));
    byId("layouts-keep").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(byId("layouts-name").value);
    });
    byId("layouts-links").addEventListener("change", ({ target }) => this.#link(target));
    byId("layouts-export").addEventListener("click", () => this.#export());
    byId("layouts-link").addEventListener("click", () => this.#copyLink());
    byId("layouts-import").addEventListener("click", () => byId("layouts-file").click());
    byId("layouts-file").addEventListener("change", ({ target }) => this.#import(target));
  }

  open() {
    this.#refresh();
    this.#dialog.showModal();
  }

  #refresh() {
    const { names, name } = this.#layouts;
    byId("layouts-choices").replaceChildren(...names.map((each) => this.#choice(each, each === name)));
    byId("layouts-name").value = this.#layouts.isShipped(name) ? "" : name;
    byId("layouts-links").value = this.#layouts.links.join("\n");
  }

  #choice(name, shown) {
    const choose = button(name, () => this.show(name));
    choose.setAttribute("aria-pressed", String(shown));
    if (this.#layouts.isShipped(name)) return make("li", "", choose);
    const remove = button("✕", () => this.#remove(name));
    remove.setAttribute("aria-label", `Forget ${name}`);
    return make("li", "", choose, remove);
  }

  /** Show a layout. @param {string} name */
  show(name) {
    const tree = this.#layouts.open(name);
    this.#dialog.close();
    if (!tree) {
      toast(`The layout ${name} is gone`);
      return;
    }
    this.#workspace.show(tree);
    toast(`Layout: ${name}`);
  }

  #add(kind, title) {
    const { list } = this.#workspace.current;
    const added = this.#workspace.add(kind, kind === "list" ? { list } : {});
    this.#dialog.close();
    toast(added ? `${title} added` : `A page has ${MOST} panels at most`);
  }

  #save(wanted) {
    const name = this.#layouts.save(wanted, this.#workspace.tree);
    this.#refresh();
    toast(name === wanted.trim() ? `Kept as ${name}` : `Kept as ${name}, for the name is another layout's`);
  }

  /** Take what was written as the layout's own links, and say what is none, and when some are too many. */
  #link(field) {
    const given = [...new Set(field.value.split(/\s+/).filter(Boolean))];
    this.#layouts.links = templatesIn(given);
    const wrong = given.find((each) => !isTemplate(each));
    if (wrong) toast(`${wrong} is no address of a page about a symbol, such as https://quotes.example/{symbol}`);
    else if (given.length > MOST_LINKS) toast(`A layout has ${MOST_LINKS} pages about a symbol at most: the last ${given.length - MOST_LINKS} are not kept`);
    else field.value = this.#layouts.links.join("\n");
  }

  #remove(name) {
    this.#layouts.remove(name);
    this.#refresh();
    byId("layouts-name").focus();
  }

  #export() {
    const { name } = this.#layouts;
    const file = `gapscan-layout-${name.replaceAll(/[^\w-]+/g, "-")}.json`;
    download(file, writeLayout(name, this.#workspace.tree, this.#layouts.links), "application/json");
    toast(`Saved ${file}`);
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(linkTo(this.#layouts.name, this.#workspace.tree, this.#layouts.links));
      toast("The link is copied");
    } catch {
      toast("The browser does not allow copying here");
    }
  }

  async #import(input) {
    const [file] = input.files;
    if (!file) return;
    const text = file.size > LARGEST ? "" : await file.text();
    input.value = "";
    this.#dialog.close();
    this.take(() => readLayout(text));
  }

  /** Show a layout that somebody gave, or say what is wrong with it.
   * @param {() => ?{name: string, tree: object, links: string[], lost?: number}} read
   * @returns {boolean} whether there was one */
  take(read) {
    try {
      const found = read();
      if (!found) return false;
      this.#layouts.use(found.name, found.tree, found.links);
      this.#workspace.show(found.tree);
      toast(`Layout: ${found.name}${found.lost ? `; ${found.lost} of its links are not kept: they lead nowhere, or are too many` : ""}`);
      return true;
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      toast(error.message);
      return false;
    }
  }
}
