// Keys and formulas.
import { type TemplateResult, html } from "lit-html";
import { shortcutsOn } from "../preferences";
import { type Actions, type State, shown } from "../state";
import { words } from "../format";

const KEYS: readonly [string, string][] = [
  ["?", "this help"],
  ["p", "pause, go on"],
  ["f", "filter"],
  ["t", "theme"],
  ["1 – 6", "figures, queues, next due, last hour, agents, events"],
];

export function help(state: State, actions: Actions): TemplateResult {
  const formulas = [...shown(state).board.indicators.values()];
  return html`
    <dialog id="help" aria-labelledby="h-help">
      <h2 id="h-help">Help</h2>
      <h3>Keys</h3>
      <dl class="keys">${KEYS.map(([key, does]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}</dl>
      <label class="check"><input type="checkbox" .checked=${shortcutsOn()} @change=${(event: Event) => actions.shortcuts((event.target as HTMLInputElement).checked)} /> Single keys are shortcuts</label>
      <h3>Formulas, over the last hour</h3>
      ${formulas.length
        ? html`<dl class="formulas">${formulas.map((item) => html`<div><dt>${words(item.name)}</dt><dd><code>${item.formula}</code></dd></div>`)}</dl>`
        : html`<p>They come with the first figures.</p>`}
      <p class="hint">A range behind a share is its 95 % interval (Wilson): where the true share most likely lies.</p>
      <form method="dialog"><button class="primary">Close</button></form>
    </dialog>
  `;
}
