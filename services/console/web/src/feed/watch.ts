// One stream to the gateway, kept open: connects again with patience, gives up on a refused token.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import {
  ConsoleService,
  type WatchWallboardResponse,
} from "../gen/switchboard/console/v1/console_service_pb";

export type Status =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "waiting"; untilMs: number; why: string }
  | { kind: "refused"; why: string };

export interface Listener {
  step(step: WatchWallboardResponse): void;
  status(status: Status): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** More than two heartbeats: a stream that is silent for so long is dead, whatever TCP says. */
const SILENT_MS = 25_000;
const REFUSALS = new Set([Code.Unauthenticated, Code.PermissionDenied]);

/** Watch until `signal` is aborted or the token is refused. */
export async function watch(token: string, listener: Listener, signal: AbortSignal): Promise<void> {
  const client = createClient(
    ConsoleService,
    createConnectTransport({ baseUrl: location.origin, useBinaryFormat: true }),
  );
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    listener.status({ kind: "connecting" });
    const silence = new Silence(signal);
    let why = "the connection ended";
    try {
      const headers = { authorization: `Bearer ${token}` };
      for await (const step of client.watchWallboard({}, { headers, signal: silence.signal })) {
        silence.broken();
        listener.status({ kind: "live" });
        listener.step(step);
        pauseMs = FIRST_PAUSE_MS;
      }
    } catch (error) {
      const failed = ConnectError.from(error);
      if (signal.aborted) return;
      if (REFUSALS.has(failed.code)) {
        listener.status({ kind: "refused", why: failed.rawMessage });
        return;
      }
      why = silence.signal.aborted ? "the connection fell silent" : reason(failed);
    } finally {
      silence.end();
    }
    const waitMs = pauseMs * (0.75 + Math.random() / 2);
    listener.status({ kind: "waiting", untilMs: Date.now() + waitMs, why });
    await pause(waitMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function reason(error: ConnectError): string {
  return error.code === Code.Unavailable ? "the console does not answer" : error.rawMessage;
}

/** Aborts when nothing has come for a while, or when the parent is aborted. */
class Silence {
  private readonly controller = new AbortController();
  private timer = 0;
  private readonly abort = () => this.controller.abort();

  constructor(private readonly parent: AbortSignal) {
    parent.addEventListener("abort", this.abort);
    this.broken();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  broken(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.abort, SILENT_MS) as unknown as number;
  }

  end(): void {
    clearTimeout(this.timer);
    this.parent.removeEventListener("abort", this.abort);
  }
}

/** Wait; a browser that comes back online does not wait for the rest. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
