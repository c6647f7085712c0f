// The last hour, minute by minute.
import { type TemplateResult, html, svg } from "lit-html";
import { type Board, MINUTE_MS } from "../board";
import { count, minute } from "../format";
import { type State, shown } from "../state";
import { empty, panel } from "./parts";

const MINUTES = 60;
const WIDTH = 10;
const HEIGHT = 100;

interface Bucket {
  startMs: number;
  inbound: number;
  resolved: number;
}

export function volume(state: State): TemplateResult {
  const { board, nowMs } = shown(state);
  const buckets = byMinute(board, nowMs);
  const inbound = sum(buckets, "inbound");
  const resolved = sum(buckets, "resolved");
  const body = inbound || resolved
    ? chart(buckets, inbound, resolved)
    : empty(state, "kpis", "A quiet hour.", "Messages in and conversations resolved are drawn here by the minute.");
  const legend = html`<ul class="legend">
    <li><i class="swatch in" aria-hidden="true"></i>${count(inbound)} messages in</li>
    <li><i class="swatch out" aria-hidden="true"></i>${count(resolved)} resolved</li>
  </ul>`;
  return panel(state, "volume", "Last hour", "kpis", body, legend);
}

function chart(buckets: Bucket[], inbound: number, resolved: number): TemplateResult {
  const most = Math.max(4, ...buckets.map((bucket) => Math.max(bucket.inbound, bucket.resolved)));
  const peak = buckets.reduce((a, b) => (b.inbound > a.inbound ? b : a));
  const said = `Last hour: ${count(inbound)} messages in, ${count(resolved)} conversations resolved; most in one minute ${count(peak.inbound)}, at ${minute(peak.startMs)}.`;
  return html`
    <figure>
      <div class="plot">
        <svg viewBox="0 0 ${MINUTES * WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${said}>
          ${[0.25, 0.5, 0.75].map((at) => svg`<line class="grid" x1="0" x2=${MINUTES * WIDTH} y1=${HEIGHT * at} y2=${HEIGHT * at}></line>`)}
          ${buckets.map((bucket, at) => column(bucket, at, most))}
          <polyline class="out" points=${line(buckets, most)}></polyline>
        </svg>
        <span class="scale top" aria-hidden="true">${count(most)}</span><span class="scale" aria-hidden="true">0</span>
      </div>
      <figcaption aria-hidden="true">
        <span>${minute(buckets[0]!.startMs)}</span><span>${minute(buckets[MINUTES / 2]!.startMs)}</span><span>now</span>
      </figcaption>
    </figure>
  `;
}

function column(bucket: Bucket, at: number, most: number): unknown {
  const up = (bucket.inbound / most) * HEIGHT;
  const x = at * WIDTH;
  return svg`<g>
    <title>${minute(bucket.startMs)}: ${count(bucket.inbound)} in, ${count(bucket.resolved)} resolved</title>
    <rect class="hover" x=${x} y="0" width=${WIDTH} height=${HEIGHT}></rect>
    <rect class="in" x=${x + 1} y=${HEIGHT - up} width=${WIDTH - 2} height=${up} rx="1"></rect>
  </g>`;
}

function line(buckets: Bucket[], most: number): string {
  const point = (bucket: Bucket, at: number) =>
    `${(at + 0.5) * WIDTH},${(HEIGHT - (bucket.resolved / most) * HEIGHT).toFixed(1)}`;
  return buckets.map(point).join(" ");
}

function byMinute(board: Board, nowMs: number): Bucket[] {
  const last = nowMs - (nowMs % MINUTE_MS);
  const buckets = Array.from({ length: MINUTES }, (_, at) => ({
    startMs: last - (MINUTES - 1 - at) * MINUTE_MS,
    inbound: 0,
    resolved: 0,
  }));
  for (const window of board.windows.values()) {
    const at = MINUTES - 1 - (last - Number(window.windowStartMs)) / MINUTE_MS;
    const bucket = buckets[at];
    if (!bucket) continue;
    bucket.inbound += Number(window.inbound);
    bucket.resolved += Number(window.resolved);
  }
  return buckets;
}

function sum(buckets: Bucket[], name: "inbound" | "resolved"): number {
  return buckets.reduce((total, bucket) => total + bucket[name], 0);
}
