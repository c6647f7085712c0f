// The session token: asked for once, kept by the browser, one for all tabs.
import { type Config, named } from "./config";
import type { Storage } from "./storage";

const KEYS = "session/"; // by whom the site names; nobody is ""

interface Kept {
  token: string;
  visitor: string;
}

/** There is no session to be had: `lasting` if asking again would not help. */
export class NoSession extends Error {
  constructor(readonly lasting: boolean) {
    super("no session");
  }
}

export class Sessions {
  #current: Kept | undefined;
  #who: string;

  constructor(
    private readonly config: Config,
    private readonly storage: Storage,
  ) {
    this.#who = named(config.identity);
    this.#forgetOthers();
  }

  /** Whether this browser has chatted before. */
  get isKnown(): boolean {
    return this.#kept(this.#who) !== undefined || this.#kept("") !== undefined;
  }

  /** A token that has not been refused yet. */
  async token(): Promise<string> {
    this.#current ??= await alone(this.config.account, () => this.#enter());
    return this.#current.token;
  }

  /** The server has given another token for the same session. */
  renewed(token: string): void {
    if (this.#current) this.#keep({ ...this.#current, token });
  }

  /** The token opens nothing any more; a visitor without a name begins anew. */
  refused(): void {
    this.#current = undefined;
    if (!this.#who) this.storage.remove(KEYS);
  }

  /** The site names somebody else from now on, or nobody. */
  identify(identity: string): void {
    this.config.identity = identity;
    this.#current = undefined;
    this.#who = named(identity);
    this.#forgetOthers();
  }

  /** Whether another tab has become another visitor; then so does this one. */
  isAnother(changed: string): boolean {
    const kept = this.#kept(this.#who);
    if (changed !== KEYS + this.#who || !kept || kept.visitor === this.#current?.visitor) return false;
    this.#current = undefined;
    return true;
  }

  #kept(who: string): Kept | undefined {
    const found = this.storage.get(KEYS + who);
    return found ? (JSON.parse(found) as Kept) : undefined;
  }

  #keep(kept: Kept): Kept {
    this.#current = kept;
    this.storage.set(KEYS + this.#who, JSON.stringify(kept));
    return kept;
  }

  /** Whoever was named before may not be here any more: nothing of theirs stays. */
  #forgetOthers(): void {
    const others = this.storage.names(KEYS).filter((name) => name !== KEYS && name !== KEYS + this.#who);
    if (others.length) this.storage.clear();
  }

  async #enter(): Promise<Kept> {
    const visitor = this.#kept("");
    if (visitor && !this.#who) return visitor;
    const { base, account, identity } = this.config;
    const url = `${base}${encodeURIComponent(account)}/sessions`;
    const given = await post(url, { token: visitor?.token ?? "", identity });
    if (identity !== this.config.identity) throw new NoSession(false); // they left meanwhile
    if (this.#who) this.storage.remove(KEYS); // what was said without a name is theirs now
    return this.#keep({ token: given.token, visitor: given.visitor_id });
  }
}

async function post(url: string, body: unknown): Promise<{ token: string; visitor_id: string }> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch {
    throw new NoSession(false);
  }
  if (!response.ok) throw new NoSession(response.status < 500 && response.status !== 429);
  return (await response.json()) as { token: string; visitor_id: string };
}

/** One tab at a time, where browsers can: two that begin at once would be two visitors. */
async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return work();
  return (await navigator.locks.request(`switchboard-chat/${name}`, work)) as T;
}
