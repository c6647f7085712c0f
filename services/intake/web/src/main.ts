// The chat widget of a page: <script src="…/chat/widget.js" data-account="…" async></script>
import { Chat } from "./chat";
import { type Config, configOf } from "./config";
import { View } from "./view";

/** What the page may call, as `window.switchboardChat`. */
export interface Handle {
  open(): void;
  close(): void;
  /** The visitor signed in, as the site's server has signed, or out: then it is empty. */
  identify(identity: string): void;
}

declare global {
  interface Window {
    switchboardChat?: Handle;
  }
}

function begin(config: Config): void {
  const view = new View(config.account, config.language);
  const chat = new Chat(config, view);
  view.attach(chat);
  chat.begin();
  window.switchboardChat = {
    open: () => view.open(),
    close: () => view.close(),
    identify: (identity) => chat.identify(identity),
  };
}

const config = configOf(document.currentScript as HTMLScriptElement | null);
if (config && !window.switchboardChat) {
  if (document.body) begin(config);
  else addEventListener("DOMContentLoaded", () => begin(config));
}
