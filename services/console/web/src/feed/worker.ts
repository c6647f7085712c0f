// One stream for all tabs of this browser: HTTP/1.1 allows six connections to a host, and each
// stream holds one for ever.
import { type Board, apply, emptyBoard } from "../board";
import { GONE_MS, HERE_MS, type ToTab, type ToWorker } from "./shared";
import { type Status, watch } from "./watch";

interface Tab {
  port: MessagePort;
  seenMs: number;
}

class Stream {
  readonly tabs = new Set<Tab>();
  private readonly controller = new AbortController();
  private board: Board = emptyBoard();
  private status: Status = { kind: "connecting" };

  constructor(token: string) {
    const listener = {
      step: (step: Parameters<typeof apply>[1]) => {
        const atMs = Date.now();
        this.board = apply(this.board, step, atMs);
        this.tell({ type: "step", step, atMs });
      },
      status: (status: Status) => {
        if (status.kind === "live" && this.status.kind === "live") return;
        this.status = status;
        this.tell({ type: "status", status });
      },
    };
    void watch(token, listener, this.controller.signal);
  }

  join(tab: Tab): void {
    this.tabs.add(tab);
    say(tab, { type: "board", board: this.board });
    say(tab, { type: "status", status: this.status });
  }

  end(): void {
    this.controller.abort();
  }

  private tell(message: ToTab): void {
    for (const tab of this.tabs) say(tab, message);
  }
}

function say(tab: Tab, message: ToTab): void {
  tab.port.postMessage(message);
}

const streams = new Map<string, Stream>();

function leave(tab: Tab): void {
  for (const [token, stream] of streams) {
    if (stream.tabs.delete(tab) && stream.tabs.size === 0) {
      stream.end();
      streams.delete(token);
    }
  }
}

function join(tab: Tab, token: string): void {
  if (streams.get(token)?.tabs.has(tab)) return;
  leave(tab);
  let stream = streams.get(token);
  if (!stream) {
    stream = new Stream(token);
    streams.set(token, stream);
  }
  stream.join(tab);
}

addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (!port) return;
  const tab: Tab = { port, seenMs: Date.now() };
  port.addEventListener("message", (received: MessageEvent<ToWorker>) => {
    tab.seenMs = Date.now();
    if (received.data.type === "watch") join(tab, received.data.token);
    if (received.data.type === "leave") leave(tab);
  });
  port.start();
});

// A tab that was killed says no goodbye.
setInterval(() => {
  const tabs = [...streams.values()].flatMap((stream) => [...stream.tabs]);
  for (const tab of tabs) if (Date.now() - tab.seenMs > GONE_MS) leave(tab);
}, HERE_MS);
