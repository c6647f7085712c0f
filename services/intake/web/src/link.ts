// The connection: it comes back by itself, and never asks so often that a server that comes back
// would be run over.
import { NoSession, type Sessions } from "./session";

const SILENT_MS = 45_000; // the server says at least every 20 s that it is there
const FIRST_MS = 1_000;
const MOST_MS = 30_000;
const LASTING_MS = 300_000;
const SIGNED_OUT = 4401;
const NO_ACCOUNT = 4403;
const RESTART = 1012;
const FULL = 1013;
const HURRIED = 4409; // this code and above: we asked too much

export type Frame = Record<string, unknown> & { type: string };
/** `idle`: nobody wants to talk yet. `refused`: this page or person may not, for now. */
export type State = "idle" | "connecting" | "live" | "offline" | "refused";

export interface Heard {
  frame(frame: Frame): void;
  state(state: State): void;
  /** The first frame of a connection. */
  hello(token: string): Frame;
  /** Whoever talks from now on may be somebody else. */
  fresh(): void;
}

export class Link {
  #socket: WebSocket | undefined;
  #timer = 0;
  #silence = 0;
  #attempts = 0;
  #wanted = false;
  #state: State = "idle";

  constructor(
    private readonly url: string,
    private readonly sessions: Sessions,
    private readonly heard: Heard,
  ) {
    addEventListener("online", () => this.#at(0));
    addEventListener("offline", () => this.#lost(0));
    addEventListener("pageshow", (event) => event.persisted && this.restart());
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  /** Connect, and stay so. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#at(0);
  }

  /** Connect anew. */
  restart(): void {
    this.#drop();
    if (this.#wanted) this.#at(0);
  }

  send(frame: Frame): void {
    if (this.isLive) this.#socket?.send(JSON.stringify(frame));
  }

  #at(ms: number): void {
    if (!this.#wanted || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#connect(), ms);
  }

  async #connect(): Promise<void> {
    if (this.#socket) return;
    if (!navigator.onLine) return this.#lost(0);
    this.#show("connecting");
    let token: string;
    try {
      token = await this.sessions.token();
    } catch (error) {
      const lasting = error instanceof NoSession && error.lasting;
      return this.#lost(0, lasting ? LASTING_MS : 0);
    }
    if (this.#socket) return;
    const socket = (this.#socket = new WebSocket(this.url));
    socket.onopen = () => socket.send(JSON.stringify(this.heard.hello(token)));
    socket.onmessage = (event) => this.#hear(JSON.parse(String(event.data)) as Frame);
    socket.onclose = (event) => socket === this.#socket && this.#lost(event.code);
    this.#watch();
  }

  #hear(frame: Frame): void {
    this.#watch();
    if (frame.type === "welcome") {
      this.#attempts = 0;
      if (typeof frame.token === "string") this.sessions.renewed(frame.token);
      this.#show("live");
    }
    this.heard.frame(frame);
  }

  #lost(code: number, pauseMs = code === NO_ACCOUNT ? LASTING_MS : 0): void {
    this.#drop();
    if (!this.#wanted) return;
    if (code === SIGNED_OUT) {
      this.sessions.refused();
      this.heard.fresh();
    }
    const offline = !navigator.onLine; // the browser says when that is over, if it does
    this.#show(offline ? "offline" : pauseMs ? "refused" : "connecting");
    this.#at(offline ? MOST_MS : pauseMs || this.#pause(code));
  }

  /** Full jitter: nobody comes back at the same moment as everybody else. */
  #pause(code: number): number {
    const attempt = this.#attempts++;
    if (code === RESTART && !attempt) return Math.random() * 3 * FIRST_MS;
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** attempt);
    const least = code >= HURRIED || code === FULL ? 5 * FIRST_MS : FIRST_MS / 4;
    return least + Math.random() * most;
  }

  #watch(): void {
    clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => this.#lost(0), SILENT_MS);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #show(state: State): void {
    if (state === this.#state) return;
    this.#state = state;
    this.heard.state(state);
  }
}
