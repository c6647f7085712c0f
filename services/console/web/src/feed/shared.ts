// What tabs and the shared worker say to each other.
import type { Board } from "../board";
import type { WatchWallboardResponse } from "../gen/switchboard/console/v1/console_service_pb";
import type { Status } from "./watch";

export type ToWorker = { type: "watch"; token: string } | { type: "here" } | { type: "leave" };

export type ToTab =
  | { type: "board"; board: Board }
  | { type: "step"; step: WatchWallboardResponse; atMs: number }
  | { type: "status"; status: Status };

/** How often a tab says that it is still there, and after how long it is taken for gone. */
export const HERE_MS = 15_000;
export const GONE_MS = 50_000;
