// A file on its way: piece by piece, each sent again until it is taken, so that a line that breaks
// costs a piece at the most.
import type { Sessions } from "./session";

const PIECE_BYTES = 1 << 20;
const TRIES = 8;
const FIRST_MS = 1_000;
const MOST_MS = 30_000;

/** Why a file will not be taken. */
export type Refusal = "large" | "kind" | "failed";

export class Refused extends Error {
  constructor(readonly why: Refusal) {
    super(why);
  }
}

interface Answer {
  file: string;
  so_far: string;
}

export class Upload {
  #request: XMLHttpRequest | undefined;
  #stopped = false;
  #goOn = (): void => undefined;

  constructor(
    private readonly url: string,
    private readonly sessions: Sessions,
    private readonly file: File,
    /** Told how much of it has gone: from 0 to 1. */
    private readonly moved: (share: number) => void,
  ) {}

  /** What the file is called by from now on; nothing once it was stopped. Throws `Refused`. */
  async send(): Promise<string | undefined> {
    const { size, name, type } = this.file;
    for (let at = 0, soFar = ""; ; at += PIECE_BYTES) {
      const headers: Record<string, string> = { "content-type": type || "application/octet-stream" };
      if (soFar) headers["x-file-so-far"] = soFar;
      const isLast = at + PIECE_BYTES >= size;
      if (isLast) headers["x-file-name"] = encodeURIComponent(name);
      const answer = await this.#taken(at, headers);
      if (!answer || isLast) return answer?.file;
      soFar = answer.so_far;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#request?.abort();
    this.#goOn();
  }

  async #taken(at: number, headers: Record<string, string>): Promise<Answer | undefined> {
    for (let tries = 0; !this.#stopped; ) {
      const [status, body] = await this.#asked(at, headers);
      if (this.#stopped) break;
      if (status === 201 || status === 202) return JSON.parse(body) as Answer;
      if (status === 413) throw new Refused("large");
      if (status === 415) throw new Refused("kind");
      const mayHelp = !status || status === 408 || status === 429 || status >= 500;
      if (navigator.onLine) tries++;
      if (!mayHelp || tries >= TRIES) throw new Refused("failed");
      await this.#pause(Math.min(MOST_MS, FIRST_MS * 2 ** tries));
    }
    return undefined;
  }

  /** Wait, or until it is stopped: then others are to begin at once. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
      setTimeout(resolve, ms);
    });
  }

  /** Status, 0 where nothing came back, and body. */
  async #asked(at: number, headers: Record<string, string>): Promise<[number, string]> {
    let token: string;
    try {
      token = await this.sessions.token();
    } catch {
      return [0, ""];
    }
    if (this.#stopped) return [0, ""];
    const piece = this.file.slice(at, at + PIECE_BYTES);
    return new Promise((resolve) => {
      const request = (this.#request = new XMLHttpRequest());
      request.open("POST", this.url);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.setRequestHeader("authorization", `Bearer ${token}`);
      request.upload.onprogress = (event) => this.moved((at + event.loaded) / (this.file.size || 1));
      request.onloadend = () => resolve([request.status, request.responseText]);
      request.send(piece);
    });
  }
}
