// The messages on display: lines in their order, and below them what is not one yet. Only what is
// new is added, so that a screen reader speaks of nothing twice.
import type { Line } from "./chat";
import type { Pending } from "./outbox";
import { make } from "./parts";
import { linkTo, shown } from "./text";
import type { Words } from "./words";

const NEAR_PX = 80;

type Shown = { name: string; url?: string };

/** A file by its name, as a link where it can be had. */
function fileOf(file: Shown): HTMLElement {
  return make("small", { class: "file" }, "📎 ", (file.url && linkTo(file.url, file.name)) || file.name);
}

export class Log {
  readonly element: HTMLElement;
  readonly #list = make("ol");
  readonly #earlier: HTMLButtonElement;
  readonly #items = new Map<number, HTMLLIElement>();
  readonly #pending = new Map<string, HTMLLIElement>();

  constructor(
    private readonly words: Words,
    private readonly language: string,
    private readonly acts: { earlier(): void; edit(pending: Pending): void },
  ) {
    this.#earlier = make("button", { type: "button", class: "earlier", hidden: "hidden" }, words.earlier);
    this.#earlier.onclick = () => acts.earlier();
    this.element = make(
      "div",
      { class: "log", role: "log", "aria-label": words.messages, tabindex: "0" },
      make("p", { class: "greeting" }, words.greeting),
      this.#earlier,
      this.#list,
    );
  }

  add(line: Line): void {
    const item = this.#own(line) ?? this.#item(line.from, line.text, line.attachments, this.#time(line.at_ms));
    const later = [...this.#items.keys()].filter((cursor) => cursor > line.cursor);
    const next = this.#items.get(Math.min(...later)) ?? this.#firstPending();
    this.#items.set(line.cursor, item);
    if (item.isConnected && item.nextSibling === next) return;
    this.#keepingPlace(() => this.#list.insertBefore(item, next));
  }

  pending(all: readonly Pending[]): void {
    const wanted = new Set(all.map((pending) => pending.id));
    for (const id of this.#pending.keys()) if (!wanted.has(id)) this.#drop(id);
    for (const pending of all) {
      let item = this.#pending.get(pending.id);
      if (!item) {
        item = this.#item("visitor", pending.text, pending.files ?? [], make("small"));
        this.#pending.set(pending.id, item);
        const added = item;
        this.#keepingPlace(() => this.#list.append(added));
      }
      this.#mark(item, pending);
    }
  }

  earlier(more: boolean): void {
    this.#earlier.hidden = !more;
  }

  clear(): void {
    this.#items.clear();
    this.#pending.clear();
    this.#list.replaceChildren();
    this.#earlier.hidden = true;
  }

  toEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #item(from: Line["from"], text: string, files: readonly Shown[], foot: HTMLElement): HTMLLIElement {
    const speaker = { visitor: this.words.you, agent: this.words.agent, system: this.words.system }[from];
    return make(
      "li",
      { class: from },
      make("span", { class: "sr" }, `${speaker}: `),
      make("p", { dir: "auto" }, ...shown(text)),
      ...files.map(fileOf),
      foot,
    );
  }

  /** What was pending becomes the line, as the server has it, where it stands. */
  #own(line: Line): HTMLLIElement | undefined {
    const item = this.#pending.get(line.id ?? "");
    if (!item) return undefined;
    this.#pending.delete(line.id ?? "");
    item.classList.remove("failed");
    for (const file of item.querySelectorAll(".file")) file.remove();
    item.lastElementChild?.replaceWith(...line.attachments.map(fileOf), this.#time(line.at_ms));
    const text = item.querySelector("p");
    if (text?.textContent !== line.text) text?.replaceChildren(...shown(line.text));
    return item;
  }

  #mark(item: HTMLLIElement, pending: Pending): void {
    const { words } = this;
    const failed = pending.failed === "files" ? words.filesGone : words.failed;
    const said = pending.failed ? failed : pending.accepted ? words.sent : words.sending;
    const foot = item.lastElementChild as HTMLElement;
    if (foot.dataset.said === said) return;
    foot.dataset.said = said;
    item.classList.toggle("failed", Boolean(pending.failed));
    foot.replaceChildren(said);
    if (!pending.failed) return;
    const edit = make("button", { type: "button" }, words.edit);
    edit.onclick = () => this.acts.edit(pending);
    foot.append(" ", edit);
  }

  #time(atMs: number): HTMLElement {
    const at = new Date(atMs);
    const isToday = at.toDateString() === new Date().toDateString();
    const style = isToday ? { timeStyle: "short" as const } : { dateStyle: "short" as const, timeStyle: "short" as const };
    const said = new Intl.DateTimeFormat(this.language, style).format(at);
    return make("small", {}, make("time", { datetime: at.toISOString() }, said));
  }

  #firstPending(): HTMLLIElement | null {
    return this.#pending.values().next().value ?? null;
  }

  #drop(id: string): void {
    this.#pending.get(id)?.remove();
    this.#pending.delete(id);
  }

  /** Whoever reads the end goes on reading it; whoever reads above is left there. */
  #keepingPlace(change: () => void): void {
    const { element } = this;
    const fromEnd = element.scrollHeight - element.scrollTop - element.clientHeight;
    change();
    if (fromEnd < NEAR_PX) this.toEnd();
  }
}
