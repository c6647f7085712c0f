// The ticker: what happened last. Not a live region: it would never stop talking.
import { type TemplateResult, html } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { WallboardEvent } from "../gen/switchboard/console/v1/console_service_pb";
import { shortId, time, words } from "../format";
import { type State, matches, shown } from "../state";
import { empty, panel } from "./parts";

const TONES: Record<string, string> = {
  breached: "hot",
  abandoned: "hot",
  warned: "warm",
  offer_timed_out: "warm",
  declined: "warm",
  escalated: "warm",
  met: "calm",
  completed: "calm",
  opened: "accent",
};
const TITLES: Record<string, string> = {
  message_added: "Message in",
  replied: "Reply",
  status_changed: "Conversation",
  agent_presence_changed: "Agent",
  offer_timed_out: "Offer timed out",
  met: "Promise kept",
  warned: "Promise at risk",
  breached: "Promise broken",
};

export function events(state: State): TemplateResult {
  const { board } = shown(state);
  const rows = board.events.filter((event) =>
    matches(state, event.kind, event.detail, event.agentId, event.conversationId),
  );
  const body = rows.length
    ? html`<ol class="scroll rows" tabindex="0" aria-label="Events, latest first">
        ${repeat(rows, (event) => event.eventId, line)}
      </ol>`
    : empty(state, "conversations", "Nothing has happened yet.", "What happens to conversations, work and clocks is told here.");
  return panel(state, "events", "Latest events", "conversations", body);
}

function line(event: WallboardEvent): TemplateResult {
  const title = event.kind === "status_changed" ? `${words(event.detail)}` : (TITLES[event.kind] ?? words(event.kind));
  const detail = event.kind === "status_changed" ? "" : event.detail;
  return html`<li class="event">
    <time datetime=${new Date(Number(event.occurredAtMs)).toISOString()}>${time(Number(event.occurredAtMs))}</time>
    <i class="dot ${TONES[event.kind] ?? "idle"}" aria-hidden="true"></i>
    <span class="name">${title}</span>
    <span class="detail">${detail}${event.agentId ? html` <span class="agent-id">${event.agentId}</span>` : ""}</span>
    ${event.conversationId ? html`<span class="id" title=${event.conversationId}>${shortId(event.conversationId)}</span>` : ""}
  </li>`;
}
