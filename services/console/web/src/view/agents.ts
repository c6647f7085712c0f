// Agents: who takes work, how full they are.
import { type TemplateResult, html } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { WallboardAgent } from "../gen/switchboard/console/v1/console_service_pb";
import { count, spoken } from "../format";
import { type Actions, type State, matches, shown } from "../state";
import { AVAILABLE, OFFLINE, presenceOf, ranks } from "../words";
import { bar, empty, panel, span } from "./parts";

const SHOWN_MAX = 120;
export function agents(state: State, actions: Actions): TemplateResult {
  const { board } = shown(state);
  const all = [...board.agents.values()];
  const rows = all
    .filter((agent) => state.offline || rank(agent) !== OFFLINE)
    .filter((agent) => matches(state, agent.displayName, agent.agentId, label(agent)))
    .sort((a, b) => rank(a) - rank(b) || name(a).localeCompare(name(b)));
  const body = rows.length
    ? html`<ul class="scroll cards" tabindex="0" aria-label="Agents">
        ${repeat(rows.slice(0, SHOWN_MAX), (agent) => agent.agentId, (agent) => card(state, agent))}
        ${rows.length > SHOWN_MAX ? html`<li class="more">and ${count(rows.length - SHOWN_MAX)} more</li>` : ""}
      </ul>`
    : all.length
      ? empty(state, "agents", "Nobody to show.", state.filter ? "No agent matches the filter." : "All agents are offline.")
      : empty(state, "agents", "No agents yet.", "They appear once they are created with AgentService.");
  return panel(state, "agents", "Agents", "agents", body, aside(state, actions, all));
}

function aside(state: State, actions: Actions, all: WallboardAgent[]): TemplateResult {
  const sums = ranks().map(([at, title, tone]) => ({ title, tone, n: all.filter((agent) => rank(agent) === at).length }));
  return html`
    <ul class="legend" aria-label="Agents by presence">
      ${sums.filter(({ n }) => n).map(({ title, tone, n }) => html`<li><i class="dot ${tone}" aria-hidden="true"></i>${count(n)} ${title.toLowerCase()}</li>`)}
    </ul>
    <label class="check"><input type="checkbox" .checked=${state.offline} @change=${actions.toggleOffline} /> Offline too</label>
  `;
}

function card(state: State, agent: WallboardAgent): TemplateResult {
  const { nowMs } = shown(state);
  const [, title, tone] = presenceOf(agent.presence);
  const idle = Number(agent.idleSinceMs);
  const full = agent.capacity ? agent.usedCapacity / agent.capacity : 0;
  return html`<li class="agent">
    <i class="dot ${tone}" aria-hidden="true"></i>
    <div class="who"><span class="name" title=${agent.agentId}>${name(agent)}</span><span class="what">${title}${
      idle && !agent.assigned && rank(agent) === AVAILABLE ? html` · <span title="idle for ${spoken(nowMs - idle)}">idle ${span(nowMs - idle)}</span>` : ""
    }</span></div>
    <div class="load"><span>${count(agent.assigned)}<span class="sr"> conversations, capacity</span></span><span class="of">${agent.usedCapacity}/${agent.capacity}</span>${bar(full, full >= 1 ? "hot" : full > 0.7 ? "warm" : "calm")}</div>
  </li>`;
}

const rank = (agent: WallboardAgent): number => presenceOf(agent.presence)[0];
const label = (agent: WallboardAgent): string => presenceOf(agent.presence)[1];

function name(agent: WallboardAgent): string {
  return agent.displayName || agent.agentId;
}
