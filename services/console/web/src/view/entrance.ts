// Where a token is asked for.
import { type TemplateResult, html, nothing } from "lit-html";
import type { Actions, State } from "../state";

export function entrance(state: State, actions: Actions): TemplateResult {
  const submit = (event: Event) => {
    event.preventDefault();
    const field = (event.target as HTMLFormElement).elements.namedItem("token") as HTMLTextAreaElement;
    actions.connect(field.value.trim());
  };
  return html`
    <main class="entrance">
      <div class="card">
        <img src="/icon.svg" alt="" width="48" height="48" />
        <h1>Switchboard</h1>
        <p>What happens in the contact center, as it happens. To look at it you need a token of an agent, a supervisor or an administrator.</p>
        <form @submit=${submit} novalidate>
          <label for="token">Access token</label>
          <textarea id="token" name="token" rows="4" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="token-hint ${state.mistake ? "token-mistake" : ""}" aria-invalid=${state.mistake ? "true" : "false"}></textarea>
          ${state.mistake ? html`<p class="mistake" id="token-mistake" role="alert">${state.mistake}</p>` : nothing}
          <p class="hint" id="token-hint">On the local stack: <code>switchboard token --role supervisor</code>. The token stays in this tab and is sent in a header alone.</p>
          <button type="submit" class="primary">Show the board</button>
        </form>
      </div>
    </main>
  `;
}
