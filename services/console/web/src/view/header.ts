// The head of the page: whose board this is, whether it is live, and what one can do.
import { type TemplateResult, html, nothing } from "lit-html";
import { time } from "../format";
import { theme } from "../preferences";
import { type Actions, type State, shown } from "../state";

export function header(state: State, actions: Actions): TemplateResult {
  return html`
    <header class="top">
      <a class="brand" href="#figures"><img src="/icon.svg" alt="" width="28" height="28" /><h1>Switchboard</h1></a>
      ${state.claims?.tenant ? html`<span class="tenant" title="Tenant">${state.claims.tenant}</span>` : nothing}
      ${connection(state)}
      <div class="tools">
        <label class="search"><span class="sr">Filter pools, agents, clocks and events</span>
          <input id="filter" type="search" placeholder="Filter" autocomplete="off" spellcheck="false" .value=${state.filter} @input=${(event: Event) => actions.filter((event.target as HTMLInputElement).value)} />
        </label>
        <button type="button" aria-pressed=${state.frozen ? "true" : "false"} @click=${actions.pause}>
          ${state.frozen ? html`Go on<span class="badge">${state.missed}</span>` : "Pause"}
        </button>
        <button type="button" class="icon" aria-label="Theme: ${theme()}" title="Theme: ${theme()}" @click=${actions.theme}>${THEME_ICONS[theme()]}</button>
        <button type="button" class="icon" aria-label="Help" title="Help (?)" @click=${actions.help}>?</button>
        <button type="button" @click=${actions.signOut}>Sign out</button>
      </div>
    </header>
  `;
}

const THEME_ICONS = { auto: "◐", light: "☀", dark: "☾" };

function connection(state: State): TemplateResult {
  const { nowMs } = shown(state);
  const [tone, title] = words(state);
  return html`
    <p class="connection ${tone}" role="status" data-status=${state.status.kind}><i class="dot ${tone}" aria-hidden="true"></i>${title}</p>
    <p class="now" aria-hidden="true">${time(nowMs)}</p>
  `;
}

function words(state: State): [string, string] {
  if (state.frozen) return ["idle", "Paused"];
  switch (state.status.kind) {
    case "live":
      return ["calm", "Live"];
    case "connecting":
      return ["warm", "Connecting"];
    case "waiting":
      return ["hot", `Disconnected: ${state.status.why}; trying again`];
    case "refused":
      return ["hot", "Refused"];
  }
}
