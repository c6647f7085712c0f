// Small pieces that several panels are made of.
import { type TemplateResult, html, nothing } from "lit-html";
import { duration, spoken, time } from "../format";
import { type State, shown } from "../state";
import { hasAnswered, isStale } from "../words";

/** A panel with its heading, and a note where its source is not fresh. */
export function panel(
  state: State,
  name: string,
  title: string,
  source: string,
  body: unknown,
  aside: unknown = nothing,
): TemplateResult {
  const stale = staleness(state, source);
  return html`
    <section class="panel ${name} ${stale ? "is-stale" : ""}" aria-labelledby="h-${name}" id=${name} tabindex="-1">
      <header>
        <h2 id="h-${name}">${title}</h2>
        ${stale ? html`<p class="stale-note">${stale}</p>` : nothing} ${aside}
      </header>
      ${body}
    </section>
  `;
}

/** Since when and why a source is stale; empty while it is fresh. */
export function staleness(state: State, name: string): string {
  const source = shown(state).board.sources.get(name);
  if (!source || !isStale(source.state)) return "";
  return `Stale since ${time(Number(source.sinceMs))}: ${source.detail}`;
}

/** Whether nothing is known yet of a source. */
export function isConnecting(state: State, name: string): boolean {
  const source = shown(state).board.sources.get(name);
  return source === undefined || !hasAnswered(source.state);
}

/** What an empty panel says: that it is loading, or what would fill it. */
export function empty(state: State, source: string, title: string, hint: string): TemplateResult {
  if (isConnecting(state, source)) {
    return html`<div class="skeleton" role="presentation"><i></i><i></i><i></i></div>`;
  }
  return html`<div class="empty"><strong>${title}</strong><span>${hint}</span></div>`;
}

/** A time span that is short to look at and plain to hear. */
export function span(ms: number): TemplateResult {
  return html`<time datetime="PT${Math.max(0, Math.floor(ms / 1000))}S"
    ><span aria-hidden="true">${duration(ms)}</span><span class="sr">${spoken(ms)}</span></time
  >`;
}

/** A bar from 0 to 1; the figures stand beside it, so it is hidden from screen readers. */
export function bar(share: number, tone: string): TemplateResult {
  const width = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  return html`<svg class="bar ${tone}" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1">
    <rect class="track" width="100" height="1"></rect><rect class="fill" width=${width} height="1"></rect>
  </svg>`;
}
