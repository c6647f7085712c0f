// Everything the page is drawn from. Views read it, actions change it, `main` draws.
import { type Board, emptyBoard } from "./board";
import type { Status } from "./feed/watch";
import { type Claims } from "./session";

export type SortKey = "pool" | "queued" | "longest" | "offered" | "assigned" | "free";

export interface State {
  claims: Claims | null;
  status: Status;
  /** As it is now. */
  board: Board;
  /** As it was when the person paused it; undefined while it runs. */
  frozen: { board: Board; nowMs: number } | undefined;
  missed: number;
  filter: string;
  sort: { key: SortKey; down: boolean };
  offline: boolean;
  mistake: string;
}

export function initialState(): State {
  return {
    claims: null,
    status: { kind: "connecting" },
    board: emptyBoard(),
    frozen: undefined,
    missed: 0,
    filter: "",
    sort: { key: "longest", down: true },
    offline: false,
    mistake: "",
  };
}

/** The board to draw, and the server's time to draw it at. */
export function shown(state: State): { board: Board; nowMs: number } {
  return state.frozen ?? { board: state.board, nowMs: Date.now() + state.board.skewMs };
}

export interface Actions {
  connect(token: string): void;
  signOut(): void;
  pause(): void;
  filter(text: string): void;
  sort(key: SortKey): void;
  toggleOffline(): void;
  theme(): void;
  help(): void;
  shortcuts(on: boolean): void;
}

/** Whether a row is to be shown: every word of the filter is in one of its texts. */
export function matches(state: State, ...texts: string[]): boolean {
  const all = texts.join(" ").toLowerCase();
  return state.filter.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}
