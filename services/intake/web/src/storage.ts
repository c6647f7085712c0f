// What the browser keeps for one account, shared by all tabs. Each value has a key of its own, so
// tabs that write at once do not overwrite each other's.

export class Storage {
  readonly #prefix: string;
  readonly #memory = new Map<string, string>();
  #store: globalThis.Storage | undefined;

  constructor(account: string) {
    this.#prefix = `switchboard-chat/${account}/`;
    try {
      this.#store = window.localStorage;
      this.#store.getItem(this.#prefix);
    } catch {
      this.#store = undefined; // forbidden: then nothing outlives the page
    }
  }

  get(name: string): string {
    const key = this.#prefix + name;
    return this.#memory.get(key) ?? this.#store?.getItem(key) ?? "";
  }

  set(name: string, value: string): void {
    const key = this.#prefix + name;
    try {
      if (!this.#store) throw new Error("forbidden");
      this.#store.setItem(key, value);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value); // forbidden, or full
    }
  }

  remove(name: string): void {
    this.#memory.delete(this.#prefix + name);
    this.#store?.removeItem(this.#prefix + name);
  }

  /** The names that begin so. */
  names(begin: string): string[] {
    const stored = this.#store ? Object.keys(this.#store) : [];
    return [...new Set([...stored, ...this.#memory.keys()])]
      .filter((key) => key.startsWith(this.#prefix + begin))
      .map((key) => key.slice(this.#prefix.length));
  }

  clear(): void {
    for (const name of this.names("")) this.remove(name);
  }

  /** Call back with the name whenever another tab has changed a value. */
  onChange(changed: (name: string) => void): void {
    addEventListener("storage", (event) => {
      if (event.key?.startsWith(this.#prefix)) changed(event.key.slice(this.#prefix.length));
    });
  }
}
