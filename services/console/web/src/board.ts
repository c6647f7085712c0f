// The board as this browser knows it: a snapshot, and the changes since.
import type {
  WallboardAgent,
  WallboardEvent,
  WallboardSource,
  WallboardTotals,
  WatchWallboardResponse,
} from "./gen/switchboard/console/v1/console_service_pb";
import type { Indicator, KpiWindow } from "./gen/switchboard/insights/v1/model_pb";
import type { QueueStats } from "./gen/switchboard/routing/v1/model_pb";
import type { Clock } from "./gen/switchboard/sla/v1/model_pb";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
const EVENTS_MAX = 50;

export interface Board {
  queues: Map<string, QueueStats>;
  agents: Map<string, WallboardAgent>;
  clocks: Map<string, Clock>;
  windows: Map<string, KpiWindow>;
  events: WallboardEvent[];
  sources: Map<string, WallboardSource>;
  indicators: Map<string, Indicator>;
  totals: WallboardTotals | undefined;
  /** What to add to this machine's clock to get the server's. */
  skewMs: number;
}

export function emptyBoard(): Board {
  return {
    queues: new Map(),
    agents: new Map(),
    clocks: new Map(),
    windows: new Map(),
    events: [],
    sources: new Map(),
    indicators: new Map(),
    totals: undefined,
    skewMs: 0,
  };
}

/** The board after one step of the stream. A snapshot replaces all there was. */
export function apply(board: Board, step: WatchWallboardResponse, nowMs: number): Board {
  const kind = step.kind;
  switch (kind.case) {
    case "snapshot": {
      const fresh = emptyBoard();
      merge(fresh, kind.value);
      return synchronised(fresh, kind.value.nowMs, nowMs);
    }
    case "change":
      merge(board, kind.value);
      for (const id of kind.value.removedAgentIds) board.agents.delete(id);
      for (const id of kind.value.removedClockIds) board.clocks.delete(id);
      forgetOldWindows(board, Number(kind.value.nowMs));
      return synchronised(board, kind.value.nowMs, nowMs);
    case "heartbeat":
      return synchronised(board, kind.value.nowMs, nowMs);
    default:
      return board;
  }
}

interface Rows {
  queues: QueueStats[];
  agents: WallboardAgent[];
  clocks: Clock[];
  windows: KpiWindow[];
  events: WallboardEvent[];
  sources: WallboardSource[];
  indicators: Indicator[];
  totals?: WallboardTotals | undefined;
}

function merge(board: Board, rows: Rows): void {
  for (const queue of rows.queues) board.queues.set(queue.pool, queue);
  for (const agent of rows.agents) board.agents.set(agent.agentId, agent);
  for (const clock of rows.clocks) board.clocks.set(clock.clockId, clock);
  for (const window of rows.windows) board.windows.set(windowKey(window), window);
  for (const source of rows.sources) board.sources.set(source.name, source);
  if (rows.indicators.length) {
    board.indicators = new Map(rows.indicators.map((item) => [item.name, item]));
  }
  board.events = [...rows.events, ...board.events].slice(0, EVENTS_MAX);
  board.totals = rows.totals ?? board.totals;
}

function windowKey(window: KpiWindow): string {
  return `${window.windowStartMs}/${window.pool}/${window.channel}`;
}

function forgetOldWindows(board: Board, serverMs: number): void {
  for (const [key, window] of board.windows) {
    if (Number(window.windowStartMs) <= serverMs - HOUR_MS) board.windows.delete(key);
  }
}

/** Smooths the skew: a step that was long under way says little about the clock. */
function synchronised(board: Board, serverMs: bigint, nowMs: number): Board {
  const skew = Number(serverMs) - nowMs;
  board.skewMs = board.skewMs === 0 || skew > board.skewMs ? skew : board.skewMs * 0.9 + skew * 0.1;
  return board;
}
