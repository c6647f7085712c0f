// Clocks: promises that run, the next to come due first.
import { type TemplateResult, html } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { Clock } from "../gen/switchboard/sla/v1/model_pb";
import { count, shortId } from "../format";
import { type State, matches, shown } from "../state";
import { isRunning, metricOf, tierOf } from "../words";
import { bar, empty, panel, span } from "./parts";

const SHOWN_MAX = 40;

export function clocks(state: State): TemplateResult {
  const { board } = shown(state);
  const rows = [...board.clocks.values()]
    .filter((clock) => matches(state, clock.pool, clock.conversationId, metric(clock), tier(clock)))
    .sort((a, b) => due(a) - due(b) || a.clockId.localeCompare(b.clockId));
  const body = rows.length
    ? html`<ul class="scroll rows" tabindex="0" aria-label="Clocks, next due first">
        ${repeat(rows.slice(0, SHOWN_MAX), (clock) => clock.clockId, (clock) => line(state, clock))}
      </ul>`
    : empty(state, "clocks", "Nothing is due.", "A clock starts when a customer waits for an answer or a solution.");
  const running = board.totals?.clocksRunning ?? 0;
  const aside = running ? html`<p class="count">${count(running)} running</p>` : "";
  return panel(state, "clocks", "Next due", "clocks", body, aside);
}

function line(state: State, clock: Clock): TemplateResult {
  const { nowMs } = shown(state);
  const paused = !isRunning(clock.state);
  const leftMs = Number(clock.dueAtMs) - nowMs;
  const target = Number(clock.targetMs) || 1;
  const share = paused ? Number(clock.elapsedMs) / target : 1 - leftMs / target;
  const tone = paused ? "idle" : leftMs < 0 ? "hot" : share > 0.75 ? "hot" : share > 0.5 ? "warm" : "calm";
  return html`<li class="clock ${tone}">
    <div class="main">
      <span class="name">${metric(clock)}</span>
      <span class="tag tier-${clock.tier}">${tier(clock)}</span>
      <span class="id" title=${clock.conversationId}>${shortId(clock.conversationId)}</span>
      <span class="left">${paused ? "paused" : leftMs < 0 ? html`over by ${span(-leftMs)}` : span(leftMs)}</span>
    </div>
    ${bar(share, tone)}
  </li>`;
}

function due(clock: Clock): number {
  return Number(clock.dueAtMs) || Number.MAX_SAFE_INTEGER;
}

const metric = (clock: Clock): string => metricOf(clock.metric);
const tier = (clock: Clock): string => tierOf(clock.tier);
