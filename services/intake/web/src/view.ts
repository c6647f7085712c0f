// The launcher and the panel, in a shadow tree: the site's styles end at it, and ours too.
import type { Chat, Limits, Line, Watcher } from "./chat";
import type { State } from "./link";
import { Log } from "./log";
import type { Pending } from "./outbox";
import { ARROW, BUBBLE, CLIP, CROSS, icon, make } from "./parts";
import { dress } from "./style";
import { Tray } from "./tray";
import { type Words, wordsFor } from "./words";

const TEXT_CHARACTERS_MAX = 10_000;
const OPEN = "switchboard-chat/open/";
/** What is offered to choose from; what is taken, the server decides. */
const KINDS = "image/*,audio/*,video/*,.pdf,.txt,.csv,.rtf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.odt,.ods,.odp";

export class View implements Watcher {
  readonly #words: Words;
  readonly #log: Log;
  readonly #launch: HTMLButtonElement;
  readonly #badge = make("span", { class: "badge", "aria-hidden": "true" });
  readonly #news = make("p", { class: "sr", role: "status" });
  readonly #state = make("p", { class: "state", role: "status" });
  readonly #panel: HTMLElement;
  readonly #text: HTMLTextAreaElement;
  readonly #tray: Tray;
  readonly #attach: HTMLButtonElement;
  #chat: Chat | undefined;
  #unread = 0;

  constructor(
    private readonly account: string,
    language: string,
  ) {
    const [words, spoken] = wordsFor(language);
    this.#words = words;
    this.#log = new Log(words, spoken, {
      earlier: () => this.#chat?.askEarlier(),
      edit: (pending) => this.#edit(pending),
    });
    this.#launch = make("button", { type: "button", class: "launch", "aria-expanded": "false" }, icon(BUBBLE), this.#badge);
    this.#launch.onclick = () => (this.isOpen ? this.close() : this.open());
    this.#text = make("textarea", { id: "text", rows: "1", maxlength: String(TEXT_CHARACTERS_MAX), enterkeyhint: "send" });
    const label = words.attach;
    this.#attach = make("button", { type: "button", class: "attach", "aria-label": label, hidden: "hidden" }, icon(CLIP));
    this.#tray = new Tray(
      words,
      (file, moved) => this.#chat!.upload(file, moved),
      () => this.#text.focus(),
    );
    this.#panel = this.#madePanel();
    this.#mount(spoken);
    this.unread(0);
  }

  get isOpen(): boolean {
    return !this.#panel.hidden;
  }

  /** Show what happens in `chat`; a page that was left open is open again. */
  attach(chat: Chat): void {
    this.#chat = chat;
    document.addEventListener("visibilitychange", () => this.#looked());
    if (remembered(this.account)) this.#toggle(true);
  }

  open(): void {
    this.#toggle(true);
    this.#text.focus();
  }

  close(): void {
    this.#toggle(false);
    this.#launch.focus();
  }

  line(line: Line): void {
    this.#log.add(line);
  }

  pending(all: readonly Pending[]): void {
    this.#log.pending(all);
  }

  earlier(more: boolean): void {
    this.#log.earlier(more);
  }

  limits(limits: Limits | undefined): void {
    this.#tray.limits = limits;
    this.#attach.hidden = !limits;
  }

  cleared(): void {
    this.#tray.clear();
    this.#log.clear();
  }

  unread(count: number): void {
    const said = count ? this.#words.unread(count) : "";
    if (!this.isOpen && count > this.#unread) this.#news.textContent = said;
    if (!count) this.#news.textContent = "";
    this.#unread = count;
    this.#badge.textContent = count > 99 ? "99+" : String(count);
    this.#badge.hidden = !count;
    this.#name();
  }

  state(state: State): void {
    const { connecting, offline, refused } = this.#words;
    const said = { idle: "", live: "", connecting, offline, refused }[state];
    if (this.#state.textContent !== said) this.#state.textContent = said;
    this.#panel.dataset.state = state;
  }

  #toggle(open: boolean): void {
    this.#panel.hidden = !open;
    this.#launch.setAttribute("aria-expanded", String(open));
    remember(this.account, open);
    this.#name();
    this.#looked();
    if (open) this.#log.toEnd();
  }

  #name(): void {
    const { open, close, unread } = this.#words;
    const news = this.#unread ? `, ${unread(this.#unread)}` : "";
    this.#launch.setAttribute("aria-label", this.isOpen ? close : open + news);
  }

  #looked(): void {
    this.#chat?.look(this.isOpen && document.visibilityState === "visible");
  }

  #edit(pending: Pending): void {
    this.#chat?.takeBack(pending);
    this.#text.value = pending.text;
    if (pending.failed !== "files") this.#tray.putBack(pending.files ?? []);
    this.#text.focus();
  }

  #say(): void {
    const text = this.#text.value.trim();
    if (this.#tray.isBusy) return this.#tray.say(this.#words.wait);
    const files = this.#tray.take();
    if (!text && !files.length) return;
    this.#text.value = "";
    this.#chat?.say(text, files);
    this.#log.toEnd();
    this.#text.focus();
  }

  #madePanel(): HTMLElement {
    const words = this.#words;
    const close = make("button", { type: "button", class: "close", "aria-label": words.close }, icon(CROSS));
    close.onclick = () => this.close();
    const send = make("button", { class: "send", "aria-label": words.send }, icon(ARROW));
    const label = make("label", { for: "text", class: "sr" }, words.message);
    const form = make("form", {}, this.#attach, this.#choice(), label, this.#text, send);
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#say();
    };
    this.#text.placeholder = words.message;
    this.#text.onkeydown = (event) => this.#typed(event);
    this.#text.onpaste = (event) => this.#pasted(event);
    const title = make("h2", { id: "title" }, words.title);
    const panel = make(
      "section",
      { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: "hidden" },
      make("header", {}, title, close),
      this.#state,
      this.#log.element,
      this.#tray.element,
      this.#tray.note,
      form,
    );
    this.#takeDrops(panel);
    panel.onkeydown = (event) => {
      if (event.key === "Escape") this.close();
      event.stopPropagation(); // the site's shortcuts are not meant
    };
    return panel;
  }

  /** The system's dialog, which the button opens: its own field looks different everywhere. */
  #choice(): HTMLInputElement {
    const choice = make("input", { type: "file", multiple: "multiple", accept: KINDS, hidden: "hidden" });
    this.#attach.onclick = () => choice.click();
    choice.onchange = () => {
      this.#tray.add(choice.files ?? []);
      choice.value = ""; // the same may be chosen again
      this.#text.focus();
    };
    return choice;
  }

  /** A text is pasted as ever, also where its program puts a picture of it beside. */
  #pasted(event: ClipboardEvent): void {
    const { files, types } = event.clipboardData ?? {};
    if (files?.length && !types?.includes("text/plain")) this.#tray.add(files);
  }

  #takeDrops(panel: HTMLElement): void {
    const over = (event: DragEvent): boolean => {
      const isOver = this.#tray.takes && Boolean(event.dataTransfer?.types.includes("Files"));
      panel.classList.toggle("over", isOver && event.type === "dragover");
      if (isOver) event.preventDefault(); // else the page would become the file
      return isOver;
    };
    panel.ondragover = over;
    panel.ondragleave = over;
    panel.ondrop = (event) => {
      if (over(event)) this.#tray.add(event.dataTransfer?.files ?? []);
    };
  }

  /** Enter sends, unless it ends a composition (Chinese, Japanese, Korean); Shift makes a line. */
  #typed(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#say();
  }

  #mount(language: string): void {
    const host = make("div", { id: "switchboard-chat", lang: language });
    const root = host.attachShadow({ mode: "open" });
    dress(root);
    root.append(this.#panel, this.#launch, this.#news);
    document.body.append(host);
  }
}

function remember(account: string, open: boolean): void {
  try {
    sessionStorage.setItem(OPEN + account, open ? "1" : "");
  } catch {
    return; // forbidden: then the next page begins closed
  }
}

function remembered(account: string): boolean {
  try {
    return sessionStorage.getItem(OPEN + account) === "1";
  } catch {
    return false;
  }
}
