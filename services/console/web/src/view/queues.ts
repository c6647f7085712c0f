// Queues: who waits where, for how long, and who could help.
import { type TemplateResult, html } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { QueueStats } from "../gen/switchboard/routing/v1/model_pb";
import { NONE, count } from "../format";
import { type Actions, type SortKey, type State, matches, shown } from "../state";
import { bar, empty, panel, span } from "./parts";

const COLUMNS: readonly [SortKey, string, string][] = [
  ["pool", "Pool", ""],
  ["queued", "Waiting", "number"],
  ["longest", "Longest", "number"],
  ["offered", "On offer", "number wide"],
  ["assigned", "With agents", "number wide"],
  ["free", "Free", "number"],
];

export function queues(state: State, actions: Actions): TemplateResult {
  const { board } = shown(state);
  const rows = sorted(state, [...board.queues.values()].filter((queue) => matches(state, queue.pool)));
  const body = rows.length
    ? table(state, actions, rows)
    : state.filter && board.queues.size
      ? empty(state, "queues", "No pool matches.", `The filter is “${state.filter}”.`)
      : empty(state, "queues", "No queues yet.", "They appear with the first conversation that needs an agent.");
  return panel(state, "queues", "Queues", "queues", body);
}

function table(state: State, actions: Actions, rows: QueueStats[]): TemplateResult {
  const most = Math.max(1, ...rows.map((row) => row.queued));
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Queues table">
      <table>
        <caption class="sr">Queues, sorted by ${state.sort.key}</caption>
        <thead><tr>${COLUMNS.map((column) => heading(state, actions, column))}</tr></thead>
        <tbody>${repeat(rows, (row) => row.pool, (row) => line(state, row, most))}</tbody>
      </table>
    </div>
  `;
}

function heading(state: State, actions: Actions, [key, title, style]: (typeof COLUMNS)[number]): TemplateResult {
  const mine = state.sort.key === key;
  const order = mine ? (state.sort.down ? "descending" : "ascending") : "none";
  return html`<th scope="col" class=${style} aria-sort=${order}>
    <button type="button" @click=${() => actions.sort(key)}>
      ${title}${key === "free" ? html`<span class="sr"> agents</span>` : ""}<span class="arrow" aria-hidden="true">${mine ? (state.sort.down ? "↓" : "↑") : ""}</span>
    </button>
  </th>`;
}

function line(state: State, row: QueueStats, most: number): TemplateResult {
  const { nowMs } = shown(state);
  const waits = row.queued > 0;
  const since = Number(row.oldestArrivedAtMs);
  return html`<tr class=${waits ? (row.agentsAvailable ? "waits" : "stuck") : ""}>
    <th scope="row">${row.pool || "without a pool"}</th>
    <td class="number strong">${bar(row.queued / most, "warm")}${count(row.queued)}</td>
    <td class="number">${since ? span(nowMs - since) : NONE}</td>
    <td class="number wide">${count(row.offered)}</td>
    <td class="number wide">${count(row.assigned)}</td>
    <td class="number">${count(row.agentsAvailable)}<span class="of"> of ${count(row.agentsSignedIn)}</span></td>
  </tr>`;
}

function sorted(state: State, rows: QueueStats[]): QueueStats[] {
  const value = (row: QueueStats): number | string => {
    switch (state.sort.key) {
      case "pool":
        return row.pool;
      case "longest":
        return row.oldestArrivedAtMs ? -Number(row.oldestArrivedAtMs) : Number.NEGATIVE_INFINITY;
      case "free":
        return row.agentsAvailable;
      default:
        return row[state.sort.key];
    }
  };
  const turn = state.sort.down ? -1 : 1;
  return rows.sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    const order = left < right ? -1 : left > right ? 1 : 0;
    return order * turn || a.pool.localeCompare(b.pool);
  });
}
