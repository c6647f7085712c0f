// The page: draws the state whenever it changes, and once a second for what only time changes.
import { html, render } from "lit-html";
import { type State, type Actions, initialState, shown } from "./state";
import { feed } from "./feed/feed";
import { nextTheme, setShortcuts, shortcutsOn, showTheme } from "./preferences";
import { claimsOf, forget, keep, kept, mistakeIn, tokenFromAddress } from "./session";
import { agents } from "./view/agents";
import { clocks } from "./view/clocks";
import { entrance } from "./view/entrance";
import { events } from "./view/events";
import { header } from "./view/header";
import { help } from "./view/help";
import { queues } from "./view/queues";
import { tiles } from "./view/tiles";
import { volume } from "./view/volume";

const SECTIONS = ["figures", "queues", "clocks", "volume", "agents", "events"];
const root = document.getElementById("app") as HTMLElement;
const state: State = initialState();
let token: string | null = null;
let stop: (() => void) | undefined;
let drawing = false;

const actions: Actions = {
  connect(given) {
    const mistake = mistakeIn(given);
    if (mistake) return changed({ mistake });
    keep(given);
    enter(given);
  },
  signOut() {
    forget();
    leave();
  },
  pause() {
    const frozen = state.frozen
      ? undefined
      : { board: structuredClone(state.board), nowMs: shown(state).nowMs };
    changed({ frozen, missed: 0 });
  },
  filter: (filter) => changed({ filter }),
  sort(key) {
    const down = state.sort.key === key ? !state.sort.down : key !== "pool";
    changed({ sort: { key, down } });
  },
  toggleOffline: () => changed({ offline: !state.offline }),
  theme() {
    nextTheme();
    draw();
  },
  help() {
    (document.getElementById("help") as HTMLDialogElement | null)?.showModal();
  },
  shortcuts(on) {
    setShortcuts(on);
    draw();
  },
};

function enter(given: string): void {
  stop?.();
  token = given;
  Object.assign(state, initialState(), { claims: claimsOf(given) });
  stop = feed(given, {
    board(board) {
      changed({ board, missed: state.missed + (state.frozen ? 1 : 0) });
    },
    status(status) {
      if (status.kind === "refused") {
        forget();
        leave(`The token was refused: ${status.why}.`);
      } else {
        changed({ status });
      }
    },
  });
  draw();
}

function leave(mistake = ""): void {
  stop?.();
  stop = undefined;
  token = null;
  Object.assign(state, initialState(), { mistake });
  draw();
}

function changed(part: Partial<State>): void {
  Object.assign(state, part);
  draw();
}

/** Draw with the next frame, however much changes until then. */
function draw(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    render(token === null ? entrance(state, actions) : board(), root);
    document.title = title();
  });
}

function board(): unknown {
  return html`
    <a class="skip" href="#queues">Skip to the queues</a>
    ${header(state, actions)}
    <main class=${state.status.kind === "live" || state.frozen ? "" : "is-cut-off"}>
      ${tiles(state)} ${queues(state, actions)} ${clocks(state)} ${volume(state)}
      ${agents(state, actions)} ${events(state)}
    </main>
    ${help(state, actions)}
  `;
}

function title(): string {
  const waiting = state.board.totals?.queued ?? 0;
  const name = state.claims?.tenant ? `${state.claims.tenant} · Switchboard` : "Switchboard";
  return token !== null && waiting ? `(${waiting}) ${name}` : name;
}

function pressed(event: KeyboardEvent): void {
  const typing = (event.target as HTMLElement).matches("input, textarea, select");
  if (typing && event.key === "Escape") (event.target as HTMLElement).blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (token === null || !shortcutsOn() || document.querySelector("dialog[open]")) return;
  const section = SECTIONS[Number(event.key) - 1];
  const keys: Record<string, () => void> = {
    "?": actions.help,
    p: actions.pause,
    t: actions.theme,
    f: () => document.getElementById("filter")?.focus(),
  };
  const act = section ? () => document.getElementById(section)?.focus() : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

showTheme();
addEventListener("keydown", pressed);
addEventListener("hashchange", () => {
  const given = tokenFromAddress();
  if (given) enter(given);
});
setInterval(() => {
  if (token !== null && !state.frozen && !document.hidden) draw();
}, 1000);
document.addEventListener("visibilitychange", draw);

const first = tokenFromAddress() ?? kept();
if (first && !mistakeIn(first)) enter(first);
else leave(first ? mistakeIn(first) : "");
