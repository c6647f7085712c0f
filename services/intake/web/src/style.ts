// The widget's style. A site may set `--switchboard-accent` and `--switchboard-on-accent` on
// `#switchboard-chat`; all else is out of its reach, and nothing of this reaches the site.

const CSS = `
:host { all: initial; color-scheme: light dark; position: fixed; inset-block-end: 0;
  inset-inline-end: 0; z-index: 2147483000; font: 16px/1.45 system-ui, sans-serif;
  --page: #fff; --ink: #1b1f27; --quiet: #586173; --line: #d5dae3; --theirs: #eef1f6;
  --accent: var(--switchboard-accent, #1d4ed8); --on-accent: var(--switchboard-on-accent, #fff);
  --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :host { --page: #14181f; --ink: #eceff5; --quiet: #a7b0c0; --line: #3a4352; --theirs: #252c38;
    --accent: var(--switchboard-accent, #a8c7fa); --on-accent: var(--switchboard-on-accent, #10223f);
    --bad: #ffb4ab } }
* { box-sizing: border-box }
[hidden] { display: none !important }
button { font: inherit; cursor: pointer; border: 0 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.launch { position: fixed; inset-block-end: max(16px, env(safe-area-inset-bottom));
  inset-inline-end: 16px; width: 56px; height: 56px; border-radius: 50%; display: grid;
  place-items: center; background: var(--accent); color: var(--on-accent);
  box-shadow: 0 4px 16px #0005 }
.launch svg, form svg, .close svg { width: 24px; height: 24px; fill: none; stroke: currentColor;
  stroke-width: 2; stroke-linecap: round; stroke-linejoin: round }
.badge { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 22px;
  padding: 0 6px; border-radius: 11px; background: #b3261e; color: #fff; font-size: 13px;
  line-height: 22px; font-weight: 600 }
.panel { position: fixed; inset-block-end: 88px; inset-inline-end: 16px; width: 380px;
  height: min(600px, calc(100dvh - 104px)); display: flex; flex-direction: column;
  background: var(--page); color: var(--ink); border: 1px solid var(--line); border-radius: 14px;
  overflow: hidden; box-shadow: 0 12px 40px #0006 }
header { display: flex; align-items: center; gap: 8px; padding: 10px 8px 10px 16px;
  border-block-end: 1px solid var(--line) }
h2 { margin: 0; font-size: 17px; flex: 1 }
.close { width: 40px; height: 40px; background: none; color: inherit; border-radius: 8px }
.state { margin: 0; padding: 6px 16px; font-size: 14px; color: var(--quiet);
  border-block-end: 1px solid var(--line) }
.state:empty { display: none }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 12px 16px;
  outline-offset: -3px }
.greeting { margin: 0 0 12px; color: var(--quiet) }
.earlier { display: block; margin: 0 auto 12px; padding: 8px 14px; border-radius: 18px;
  background: var(--theirs); color: var(--ink); font-size: 14px }
ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 10px }
li { max-width: 85%; align-self: flex-start }
li.visitor { align-self: flex-end }
li p { margin: 0; padding: 8px 12px; border-radius: 14px; background: var(--theirs);
  white-space: pre-wrap; overflow-wrap: anywhere }
li.visitor p { background: var(--accent); color: var(--on-accent) }
li.system p { background: none; border: 1px solid var(--line) }
li a { color: inherit }
li small { display: block; margin-block-start: 2px; font-size: 12px; color: var(--quiet) }
li.visitor small { text-align: end }
li.failed small { color: var(--bad) }
li button { background: none; color: inherit; text-decoration: underline; padding: 4px; min-height: 24px }
li p:empty { display: none }
.files { list-style: none; margin: 0; padding: 6px 10px 6px 16px; max-height: 30%; overflow-y: auto;
  border-block-start: 1px solid var(--line) }
.files li { max-width: none; display: flex; align-items: center; gap: 8px; font-size: 14px }
.files span { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.files .close { padding: 0; flex: none }
.files svg { width: 18px; height: 18px }
progress { width: 90px; accent-color: var(--accent) }
.note { margin: 0; padding: 6px 16px; font-size: 14px; color: var(--quiet); max-height: 30%;
  overflow-y: auto; overflow-wrap: anywhere }
.note:empty { display: none }
.note.bad { color: var(--bad) }
.over { outline: 3px dashed var(--accent); outline-offset: -6px }
form { display: flex; gap: 8px; align-items: flex-end; padding: 10px;
  padding-block-end: max(10px, env(safe-area-inset-bottom)); border-block-start: 1px solid var(--line) }
textarea { flex: 1; min-height: 44px; max-height: 140px; resize: none; padding: 10px 12px;
  font: inherit; color: inherit; background: var(--page); border: 1px solid var(--quiet);
  border-radius: 10px; field-sizing: content }
.send { width: 44px; height: 44px; border-radius: 10px; background: var(--accent);
  color: var(--on-accent); display: grid; place-items: center }
.attach { width: 44px; height: 44px; border-radius: 10px; background: none; color: var(--quiet);
  display: grid; place-items: center; padding: 0 }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap }
@media (max-width: 480px) {
  .panel { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0 }
  .panel:not([hidden]) ~ .launch { display: none } }
@media (forced-colors: active) { .launch, .send, .panel, li p { border: 1px solid } }
@media (prefers-reduced-motion: no-preference) { .launch { transition: transform .15s }
  .launch:hover { transform: scale(1.05) } }
`;

/** Constructed, so that no content security policy of the site is in its way. */
export function dress(root: ShadowRoot): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
}
