// What the visitor has written and no server has accepted yet. It outlives the page, and is sent
// again under the same id, which makes a repeat harmless.
import type { Storage } from "./storage";

const PREFIX = "outbox/";
const KEPT_MS = 7 * 86_400_000; // servers know repeats for eight days

/** A file that the server has, by what it calls it. */
export interface Kept {
  file: string;
  name: string;
}

export interface Pending {
  id: string;
  text: string;
  files?: Kept[];
  atMs: number;
  /** Nobody will take it: too long, too old, or its files are there no more. */
  failed?: "files" | true;
  /** The server has it. */
  accepted?: boolean;
}

export class Outbox {
  constructor(private readonly storage: Storage) {}

  add(text: string, files: Kept[]): Pending {
    const pending = { id: uuid(), text, files, atMs: Date.now() };
    this.#put(pending);
    return pending;
  }

  /** All, in the order they were written. */
  all(): Pending[] {
    return this.storage
      .names(PREFIX)
      .map((name) => JSON.parse(this.storage.get(name) || "null") as Pending | null)
      .filter((pending): pending is Pending => pending !== null)
      .sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  }

  /** The next one to send; one that is too old to be known as a repeat is not. */
  next(): Pending | undefined {
    for (const pending of this.all().filter((each) => !each.failed)) {
      if (Date.now() - pending.atMs < KEPT_MS) return pending;
      this.fail(pending.id);
    }
    return undefined;
  }

  find(id: string): Pending | undefined {
    return this.all().find((pending) => pending.id === id);
  }

  remove(id: string): void {
    this.storage.remove(PREFIX + id);
  }

  fail(id: string, failed: "files" | true = true): void {
    const found = this.find(id);
    if (found) this.#put({ ...found, failed });
  }

  #put(pending: Pending): void {
    this.storage.set(PREFIX + pending.id, JSON.stringify(pending));
  }
}

/** A random id (RFC 9562, version 4); `randomUUID` is there on secure pages only. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
