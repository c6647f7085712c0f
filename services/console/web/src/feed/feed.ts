// The feed of this tab: through the shared worker where the browser has one, else its own stream.
import { type Board, apply, emptyBoard } from "../board";
import { HERE_MS, type ToTab, type ToWorker } from "./shared";
import type { Status } from "./watch";

export interface Reader {
  board(board: Board): void;
  status(status: Status): void;
}

/** Feed `reader` until the returned function is called. */
export function feed(token: string, reader: Reader): () => void {
  return typeof SharedWorker === "undefined" ? own(token, reader) : shared(token, reader);
}

function own(token: string, reader: Reader): () => void {
  const controller = new AbortController();
  let board = emptyBoard();
  const step = (found: Parameters<typeof apply>[1]) => {
    board = apply(board, found, Date.now());
    reader.board(board);
  };
  const listener = { step, status: (status: Status) => reader.status(status) };
  // Loaded where it is needed alone: with the shared worker this tab needs no client.
  void import("./watch").then(({ watch }) => watch(token, listener, controller.signal));
  return () => controller.abort();
}

function shared(token: string, reader: Reader): () => void {
  const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "switchboard",
  });
  const say = (message: ToWorker) => worker.port.postMessage(message);
  let board = emptyBoard();
  worker.port.addEventListener("message", (event: MessageEvent<ToTab>) => {
    const message = event.data;
    if (message.type === "status") return reader.status(message.status);
    board =
      message.type === "board" ? message.board : apply(board, message.step, message.atMs);
    reader.board(board);
  });
  worker.port.start();
  const rejoin = () => say({ type: "watch", token });
  const leave = () => say({ type: "leave" });
  const here = setInterval(() => say({ type: "here" }), HERE_MS);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", rejoin);
  rejoin();
  return () => {
    clearInterval(here);
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", rejoin);
    leave();
    worker.port.close();
  };
}
