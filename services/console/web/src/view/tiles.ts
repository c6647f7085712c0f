// The figures at the top: each with what it is made of, so that nobody has to guess.
import { type TemplateResult, html, nothing } from "lit-html";
import type { Indicator } from "../gen/switchboard/insights/v1/model_pb";
import { NONE, count, percent } from "../format";
import { type State, shown } from "../state";
import { OFFLINE, isRunning, isTime, presenceOf } from "../words";
import { isConnecting, span, staleness } from "./parts";

const SOON_MS = 5 * 60_000;

interface Tile {
  label: string;
  source: string;
  value: unknown;
  note: unknown;
  formula?: string | undefined;
  tone?: string;
}

export function tiles(state: State): TemplateResult {
  const found = [
    waiting(state),
    held(state),
    free(state),
    atRisk(state),
    indicator(state, "Service level", "service_level", 0.8),
    indicator(state, "Average wait", "average_wait"),
    indicator(state, "Promises kept", "clocks_kept", 0.9),
    indicator(state, "Satisfaction", "csat", 0.8),
  ];
  return html`
    <section class="tiles" id="figures" tabindex="-1" aria-labelledby="h-figures">
      <h2 class="sr" id="h-figures">Figures</h2>
      <dl>${found.map((tile) => draw(state, tile))}</dl>
    </section>
  `;
}

function draw(state: State, tile: Tile): TemplateResult {
  const stale = staleness(state, tile.source);
  const known = !isConnecting(state, tile.source);
  return html`
    <div class="tile ${known ? (tile.tone ?? "") : "is-loading"} ${stale ? "is-stale" : ""}">
      <dt>${tile.label}${stale ? html`<span class="sr">, ${stale}</span>` : nothing}</dt>
      <dd class="value">${known ? tile.value : NONE}</dd>
      <dd class="note">${known ? tile.note : nothing}</dd>
      ${tile.formula ? html`<dd class="formula">${tile.formula}</dd>` : nothing}
    </div>
  `;
}

function waiting(state: State): Tile {
  const { board, nowMs } = shown(state);
  const since = [...board.queues.values()].map((queue) => Number(queue.oldestArrivedAtMs)).filter(Boolean);
  const queued = board.totals?.queued ?? 0;
  return {
    label: "Waiting",
    source: "queues",
    value: count(queued),
    note: since.length ? html`longest ${span(nowMs - Math.min(...since))}` : "nobody waits",
    tone: queued ? "warm" : "calm",
  };
}

function held(state: State): Tile {
  const { board } = shown(state);
  const offered = [...board.queues.values()].reduce((sum, queue) => sum + queue.offered, 0);
  return {
    label: "With agents",
    source: "queues",
    value: count(board.totals?.assigned ?? 0),
    note: `${count(offered)} on offer`,
  };
}

function free(state: State): Tile {
  const { board } = shown(state);
  const signedIn = [...board.agents.values()].filter((agent) => presenceOf(agent.presence)[0] !== OFFLINE);
  const available = board.totals?.agentsAvailable ?? 0;
  return {
    label: "Agents free",
    source: "agents",
    value: count(available),
    note: `of ${count(signedIn.length)} signed in`,
    tone: signedIn.length && !available ? "hot" : "",
  };
}

function atRisk(state: State): Tile {
  const { board, nowMs } = shown(state);
  const soon = [...board.clocks.values()].filter(
    (clock) => isRunning(clock.state) && Number(clock.dueAtMs) < nowMs + SOON_MS,
  ).length;
  const breached = board.totals?.clocksBreached ?? 0;
  return {
    label: "Due in 5 minutes",
    source: "clocks",
    value: count(soon),
    note: `${count(breached)} breached last hour`,
    tone: soon ? "warm" : "calm",
  };
}

function indicator(state: State, label: string, name: string, goal?: number): Tile {
  const found = shown(state).board.indicators.get(name);
  const shared = { label, source: "kpis", formula: found?.formula };
  if (found?.value === undefined) return { ...shared, value: NONE, note: "nothing in the last hour" };
  const tone = goal === undefined ? "" : found.value >= goal ? "calm" : "warm";
  return { ...shared, value: reading(found), note: basis(found), tone };
}

function reading(found: Indicator): unknown {
  const value = found.value ?? 0;
  return isTime(found.unit) ? span(value) : percent(value);
}

/** How much the number is worth: its cases, and for shares the interval. */
function basis(found: Indicator): string {
  const cases = `of ${count(Number(found.n))}`;
  if (found.low === undefined || found.high === undefined) return cases;
  return `${cases} · ${percent(found.low)} to ${percent(found.high)}`;
}
