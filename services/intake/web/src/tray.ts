// The files that go with the next message: each a line with its progress and a way to take it out.
// They are sent up one after the other as they are chosen; the message names what has arrived.
import type { Limits } from "./chat";
import type { Kept } from "./outbox";
import { CROSS, icon, make } from "./parts";
import { Refused, type Upload } from "./upload";
import type { Words } from "./words";

const MIB = 1 << 20;

interface Item {
  element: HTMLLIElement;
  kept?: Kept;
  upload?: Upload;
}

export class Tray {
  readonly element: HTMLElement;
  /** Says what became of a file. */
  readonly note = make("p", { class: "note", role: "status" });
  readonly #items = new Set<Item>();
  #line = Promise.resolve();
  #limits: Limits | undefined;

  constructor(
    private readonly words: Words,
    private readonly begin: (file: File, moved: (share: number) => void) => Upload,
    /** The tray is as it is now; the field is where to go on. */
    private readonly removed: () => void,
  ) {
    this.element = make("ul", { class: "files", "aria-label": words.files, hidden: "hidden" });
  }

  /** What is taken; nothing where no files are. */
  set limits(limits: Limits | undefined) {
    this.#limits = limits;
  }

  get takes(): boolean {
    return this.#limits !== undefined;
  }

  get isBusy(): boolean {
    return [...this.#items].some((item) => !item.kept);
  }

  add(files: Iterable<File>): void {
    if (!this.#limits) return;
    const { bytes, count } = this.#limits;
    this.say("");
    for (const file of files) {
      if (this.#items.size >= count) return this.say(this.words.tooMany(count), true);
      if (file.size > bytes) this.#refuse(file.name, "large");
      else if (!file.size) this.#refuse(file.name, "failed");
      else this.#send(file);
    }
  }

  /** The files of the message that is sent now. */
  take(): Kept[] {
    const kept = [...this.#items].flatMap((item) => item.kept ?? []);
    this.clear();
    return kept;
  }

  /** Files of a message that is written anew. */
  putBack(files: readonly Kept[]): void {
    for (const kept of files) this.#show(kept.name).kept = kept;
  }

  clear(): void {
    for (const item of this.#items) this.#drop(item);
    this.say("");
  }

  say(text: string, isBad = false): void {
    this.note.textContent = text;
    this.note.classList.toggle("bad", isBad);
  }

  get #isBad(): boolean {
    return this.note.classList.contains("bad");
  }

  #send(file: File): void {
    const progress = make("progress", { max: "1", value: "0", "aria-label": file.name });
    const item = this.#show(file.name, progress);
    const upload = (item.upload = this.begin(file, (share) => (progress.value = share)));
    this.#line = this.#line.then(() => this.#sent(item, upload, file.name));
  }

  async #sent(item: Item, upload: Upload, name: string): Promise<void> {
    try {
      const file = await upload.send();
      if (!file) return;
      item.kept = { file, name };
      item.element.querySelector("progress")?.remove();
      if (!this.#isBad) this.say(this.words.attached(name));
    } catch (error) {
      this.#drop(item);
      this.#refuse(name, error instanceof Refused ? error.why : "failed");
    }
  }

  #refuse(name: string, why: Refused["why"]): void {
    const { tooLarge, wrongKind, notAttached } = this.words;
    const most = Math.floor(((this.#limits?.bytes ?? 0) / MIB) * 10) / 10;
    const said = { large: tooLarge(name, most), kind: wrongKind(name), failed: notAttached(name) }[why];
    const before = this.#isBad ? `${this.note.textContent} ` : "";
    this.say(before + said, true);
  }

  #show(name: string, ...parts: Node[]): Item {
    const label = this.words.remove(name);
    const remove = make("button", { type: "button", class: "close", "aria-label": label }, icon(CROSS));
    const element = make("li", {}, make("span", { dir: "auto" }, name), ...parts, remove);
    const item: Item = { element };
    remove.onclick = () => {
      this.#drop(item);
      this.say("");
      this.removed();
    };
    this.#items.add(item);
    this.element.append(element);
    this.element.hidden = false;
    return item;
  }

  #drop(item: Item): void {
    if (!item.kept) item.upload?.stop();
    this.#items.delete(item);
    item.element.remove();
    this.element.hidden = !this.#items.size;
  }
}
