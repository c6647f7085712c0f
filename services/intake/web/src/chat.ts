// The conversation as this page knows it: lines by cursor, what is still to be sent, what is unread.
import type { Config } from "./config";
import { type Frame, Link, type State } from "./link";
import { type Kept, Outbox, type Pending } from "./outbox";
import { Sessions } from "./session";
import { Storage } from "./storage";
import { Upload } from "./upload";

const RESEND_MS = 10_000;
const REPORT_MS = 100;
const SEEN = "seen";

export interface Line {
  cursor: number;
  from: "visitor" | "agent" | "system";
  text: string;
  at_ms: number;
  attachments: readonly { name: string; url?: string }[];
  id?: string;
}

/** What a message may have of files. */
export interface Limits {
  bytes: number;
  count: number;
}

export interface Watcher {
  /** Files may go with messages, or may not. */
  limits(limits: Limits | undefined): void;
  line(line: Line): void;
  /** What the visitor wrote and is no line yet, in order. */
  pending(all: readonly Pending[]): void;
  unread(count: number): void;
  state(state: State): void;
  /** Whether there are lines from before the first. */
  earlier(more: boolean): void;
  cleared(): void;
}

export class Chat {
  readonly #storage: Storage;
  readonly #sessions: Sessions;
  readonly #outbox: Outbox;
  readonly #link: Link;
  #lines = new Map<number, Line>();
  #accepted = new Map<string, Pending>();
  #last: number | undefined;
  #seen = 0;
  #told = "";
  #inFlight = "";
  #resend = 0;
  #reporting = 0;
  #onDisplay = false;

  constructor(
    private readonly config: Config,
    private readonly watcher: Watcher,
  ) {
    this.#storage = new Storage(config.account);
    this.#sessions = new Sessions(config, this.#storage);
    this.#outbox = new Outbox(this.#storage);
    this.#seen = Number(this.#storage.get(SEEN)) || 0;
    const url = `${config.base}${encodeURIComponent(config.account)}/ws`.replace(/^http/, "ws");
    this.#link = new Link(url, this.#sessions, {
      frame: (frame) => this.#hear(frame),
      state: (state) => this.#stateIs(state),
      hello: (token) => this.#hello(token),
      fresh: () => this.#clear(),
    });
    this.#storage.onChange((name) => this.#changedElsewhere(name));
  }

  /** Connect if this browser has chatted before: there may be an answer. */
  begin(): void {
    this.watcher.pending(this.#outbox.all());
    if (this.#sessions.isKnown || this.#outbox.next()) this.#link.start();
  }

  /** Somebody looks at the conversation, or does no more. */
  look(onDisplay: boolean): void {
    this.#onDisplay = onDisplay;
    if (!onDisplay) return;
    this.#link.start();
    this.#report();
  }

  say(text: string, files: Kept[]): void {
    this.#outbox.add(text, files);
    this.#link.start();
    this.#pendingChanged();
    this.#flush();
  }

  /** Give up one that nobody takes, to be written anew. */
  takeBack(pending: Pending): void {
    this.#outbox.remove(pending.id);
    this.#pendingChanged();
  }

  /** Begin to send a file up, for a message to come. */
  upload(file: File, moved: (share: number) => void): Upload {
    const url = `${this.config.base}${encodeURIComponent(this.config.account)}/files`;
    return new Upload(url, this.#sessions, file, moved);
  }

  askEarlier(): void {
    this.#link.send({ type: "earlier", before: Math.min(...this.#lines.keys()) });
  }

  /** The site's visitor has signed in, as what its server has signed says, or out. */
  identify(identity: string): void {
    if (identity === this.config.identity) return;
    this.#sessions.identify(identity);
    this.#clear();
    this.#link.restart();
  }

  #hello(token: string): Frame {
    const after = this.#last === undefined ? {} : { after: this.#last };
    return { type: "hello", token, language: this.config.language, ...after };
  }

  #hear(frame: Frame): void {
    if (frame.type === "welcome") this.#welcomed(frame);
    else if (frame.type === "message") this.#lineCame(frame as unknown as Line);
    else if (frame.type === "accepted") this.#isAccepted(String(frame.id));
    else if (frame.type === "error") this.#failed(frame);
    else if (frame.type === "earlier") this.watcher.earlier(Boolean(frame.more));
  }

  #welcomed(frame: Frame): void {
    const [bytes, count] = [Number(frame.file_bytes_max), Number(frame.files_max)];
    this.watcher.limits(bytes && count ? { bytes, count } : undefined);
    this.#seen = Math.max(this.#seen, Number(frame.seen));
    this.#told = "";
    this.#report();
    this.#flush();
  }

  #lineCame(line: Line): void {
    if (this.#lines.has(line.cursor)) return;
    if (this.#last === undefined) this.watcher.earlier(line.cursor > 1);
    this.#lines.set(line.cursor, line);
    this.#last = Math.max(this.#last ?? 0, line.cursor);
    this.watcher.line(line);
    if (line.id) {
      this.#accepted.delete(line.id);
      this.#outbox.remove(line.id);
      this.#pendingChanged();
    }
    this.#report();
  }

  /** It stays on display as it is until it comes back as a line. */
  #isAccepted(id: string): void {
    const pending = this.#outbox.find(id);
    const isLine = [...this.#lines.values()].some((line) => line.id === id);
    if (pending && !isLine) this.#accepted.set(id, { ...pending, accepted: true });
    this.#outbox.remove(id);
    this.#pendingChanged();
    if (id === this.#inFlight) this.#inFlight = "";
    this.#flush();
  }

  /** What may be taken later is sent again; what never will be is shown as such. */
  #failed(frame: Frame): void {
    const id = String(frame.id ?? "");
    const afterMs = Number(frame.retry_after_ms ?? 0);
    if (!id || id !== this.#inFlight) return;
    if (afterMs) return this.#flushAfter(afterMs);
    this.#inFlight = "";
    this.#outbox.fail(id, frame.code === "no_file" ? "files" : true);
    this.#pendingChanged();
    this.#flush();
  }

  /** One at a time, so that they stay in order. */
  #flush(): void {
    if (this.#inFlight || !this.#link.isLive) return;
    const next = this.#outbox.next();
    if (!next) return;
    this.#inFlight = next.id;
    const files = next.files?.length ? { files: next.files.map((each) => each.file) } : {};
    this.#link.send({ type: "message", id: next.id, text: next.text, ...files });
    this.#flushAfter(RESEND_MS);
  }

  #flushAfter(ms: number): void {
    clearTimeout(this.#resend);
    this.#resend = window.setTimeout(() => {
      this.#inFlight = "";
      this.#flush();
    }, ms);
  }

  /** Note how far the visitor has come, and say so: once for lines that come together. */
  #report(): void {
    const last = Math.max(0, ...this.#theirs().map((line) => line.cursor));
    if (this.#onDisplay && last > this.#seen) {
      this.#seen = last;
      this.#storage.set(SEEN, String(last));
    }
    this.#unreadChanged();
    clearTimeout(this.#reporting);
    this.#reporting = window.setTimeout(() => {
      const told = `${this.#seen >= last ? "seen" : "received"} ${last}`;
      if (!last || told === this.#told || !this.#link.isLive) return;
      this.#told = told;
      this.#link.send({ type: told.split(" ")[0]!, cursor: last });
    }, REPORT_MS);
  }

  #unreadChanged(): void {
    this.watcher.unread(this.#theirs().filter((line) => line.cursor > this.#seen).length);
  }

  #theirs(): Line[] {
    return [...this.#lines.values()].filter((line) => line.from !== "visitor");
  }

  #pendingChanged(): void {
    const shown = new Set([...this.#lines.values()].map((line) => line.id));
    const all = [...this.#accepted.values(), ...this.#outbox.all()];
    this.watcher.pending(all.filter((pending) => !shown.has(pending.id)));
  }

  #stateIs(state: State): void {
    if (state !== "live") this.#inFlight = "";
    this.watcher.state(state);
  }

  #changedElsewhere(name: string): void {
    if (this.#sessions.isAnother(name)) {
      this.#clear();
      this.#link.restart();
    }
    if (name === SEEN) {
      this.#seen = Math.max(this.#seen, Number(this.#storage.get(SEEN)) || 0);
      this.#unreadChanged();
    }
    if (name.startsWith("outbox/")) {
      this.#pendingChanged();
      this.#flushAfter(RESEND_MS); // should the other tab be closed before it is sent
    }
  }

  #clear(): void {
    this.#lines.clear();
    this.#accepted.clear();
    this.#last = undefined;
    this.#seen = 0;
    this.watcher.cleared();
    this.#pendingChanged();
    this.#unreadChanged();
  }
}
